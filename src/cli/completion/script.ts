import type { Command } from '@oclif/core/command'
import { bashCompletion } from './bash.ts'
import { fishCompletion } from './fish.ts'
import { type CommandWords, commandWords } from './words.ts'
import { zshCompletion } from './zsh.ts'

const WRITERS: ReadonlyMap<string, (commands: readonly CommandWords[]) => string> = new Map([
  ['bash', bashCompletion],
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
])

/** The script for a shell that completes these commands; empty for a shell that is not known. */
export function completionScript(shell: string, commands: readonly Command.Loadable[]): string {
  return WRITERS.get(shell)?.(commandWords(commands)) ?? ''
}
