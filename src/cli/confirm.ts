import { createInterface } from 'node:readline'
import * as Errors from '@oclif/core/errors'
import { PgrError } from '../errors/pgr-error.ts'
import type { Terminal } from './password.ts'

/** As a shell reports a process that Ctrl-C ended. */
const INTERRUPTED_EXIT = 130

export interface Destructive {
  /** What will be gone, as a question wants it: `3 groups with 12 series`. */
  readonly what: string
  /** What has to be typed. */
  readonly word: string
  /** `--yes`. */
  readonly yes: boolean
}

/**
 * Returns when it may be done. Asks on a terminal; elsewhere nobody can be asked, and only `--yes` will do. Throws
 * PGR_SETTING_INVALID without it, and for any other answer.
 */
export async function confirm(terminal: Terminal, { what, word, yes }: Destructive): Promise<void> {
  if (yes) return
  if (!terminal.input.isTTY) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `this removes ${what} for good and nobody can be asked here: add --yes, or --dry-run to see what would go`,
    )
  }
  const answer = await question(terminal, `This removes ${what} for good. Type ${word} to go on: `)
  if (answer.trim() !== word)
    throw new PgrError('PGR_SETTING_INVALID', `nothing was removed: ${word} was not typed`)
}

function question({ input, output }: Terminal, text: string): Promise<string> {
  const lines = createInterface({ input, output, terminal: true, historySize: 0 })
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => {
      output.write('\n')
      reject(new Errors.ExitError(INTERRUPTED_EXIT))
      lines.close()
    })
    lines.once('close', () => resolve(''))
    lines.question(text, (answer) => {
      resolve(answer)
      lines.close()
    })
  })
}
