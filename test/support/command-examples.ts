import { COMMANDS } from '../../src/cli/commands.ts'

export type CommandId = keyof typeof COMMANDS
export const COMMAND_IDS = Object.keys(COMMANDS) as CommandId[]

/** An example from the help of a command. */
export interface CommandExample {
  readonly description: string
  /** As a shell takes it. */
  readonly command: string
}

/** The examples that `--help` shows. */
export function examplesOf(id: CommandId): CommandExample[] {
  return (COMMANDS[id].examples ?? []).map((example) => {
    if (typeof example === 'string') throw new Error(`an example of ${id} has no description: ${example}`)
    const { description, command } = example
    return {
      description,
      command: command
        .replaceAll('<%= config.bin %>', 'pgr')
        .replaceAll('<%= command.id %>', id.replaceAll(':', ' ')),
    }
  })
}
