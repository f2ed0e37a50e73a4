import type { Command } from '@oclif/core/command'

/** What a shell can complete of a command, in words of the command line. */
export interface CommandWords {
  /** `groups list`. */
  readonly name: string
  readonly summary: string
  readonly flags: readonly FlagWords[]
  /** What stands behind it besides flags: the name of a file, one of these, or nothing that is known. */
  readonly rest: 'file' | readonly string[]
}

export interface FlagWords {
  /** With its dashes. */
  readonly long: string
  /** With its dash. */
  readonly short?: string
  readonly summary: string
  /** What follows it: nothing, one of these, the name of a file, or anything else. */
  readonly value: 'none' | 'file' | 'any' | readonly string[]
}

/** Everything that may be typed, by command; what help does not show is left out. */
export function commandWords(commands: readonly Command.Loadable[]): CommandWords[] {
  return commands
    .filter(({ hidden }) => !hidden)
    .map((command) => ({
      name: command.id.replaceAll(':', ' '),
      summary: sentence(command.summary),
      flags: [...Object.entries(command.flags).flatMap(flagWords), HELP],
      rest: restOf(command),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function restOf({ args }: Command.Loadable): CommandWords['rest'] {
  return 'file' in args ? 'file' : Object.values(args).flatMap(({ options = [] }) => options)
}

const HELP: FlagWords = { long: '--help', short: '-h', summary: 'Show help.', value: 'none' }

type Flag = Command.Loadable['flags'][string]

function flagWords([name, flag]: [string, Flag]): FlagWords[] {
  if (flag.hidden) return []
  const summary = sentence(flag.summary)
  const short = flag.char === undefined ? {} : { short: `-${flag.char}` }
  if (flag.type === 'boolean') {
    const words: FlagWords = { long: `--${name}`, ...short, summary, value: 'none' }
    return flag.allowNo
      ? [words, { long: `--no-${name}`, summary: `Not: ${summary}`, value: 'none' }]
      : [words]
  }
  return [{ long: `--${name}`, ...short, summary, value: wordsBehind(flag) }]
}

function wordsBehind({ options, helpValue }: Extract<Flag, { type: 'option' }>): FlagWords['value'] {
  if (options !== undefined && options.length > 0) return options
  const shown = typeof helpValue === 'string' ? helpValue : ''
  if (shown === '<path>') return 'file'
  // Settings say what they take by a list of words.
  const listed = /^<([a-z0-9.-]+(?:\|[a-z0-9.-]+)+)>$/i.exec(shown)?.[1]
  return listed === undefined ? 'any' : listed.split('|')
}

/** The first sentence on one line, without what only a page of help needs. */
function sentence(summary: string | undefined): string {
  const line = (summary ?? '').replaceAll(/\s+/g, ' ').replaceAll('`', '')
  return (/^.*?[.;:](?= |$)/.exec(line)?.[0] ?? line).replace(/[;:]$/, '.')
}

/** The words that may stand first, and those behind each first word that is not a command by itself. */
export function topicsOf(commands: readonly CommandWords[]): ReadonlyMap<string, readonly CommandWords[]> {
  const topics = new Map<string, CommandWords[]>()
  for (const command of commands) {
    const [topic = '', word] = command.name.split(' ')
    if (word !== undefined) topics.set(topic, [...(topics.get(topic) ?? []), command])
  }
  return topics
}
