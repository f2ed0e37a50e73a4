/**
 * cli: the command line. Commands declare their flags and hand over; what they do lives in the other rooms.
 */
import { fileURLToPath } from 'node:url'
import { run } from '@oclif/core/run'
import { settings } from '@oclif/core/settings'
import { reportFailure } from './report.ts'

const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Flags that mean something without a command. */
const ALONE = ['-h', '--help', '--version']

/**
 * Runs one command line and ends the process with its exit code. Data goes to stdout, everything else to stderr; with
 * `--json` a failure is JSON on stdout as well.
 */
export async function main(argv: readonly string[]): Promise<never> {
  // Commands run as they were compiled; looking for their sources would cost more than running them.
  settings.enableAutoTranspile = false
  // A reader that has read enough, as in a pipe into head, ends what goes on for ever; what acts goes on.
  process.stdout.on('error', ignoreGoneReader)
  let exitCode = 0
  try {
    await run(withCommand(argv), { root: PACKAGE_ROOT })
  } catch (reason) {
    exitCode = reportFailure(reason, { asJson: wantsJson(argv) })
  }
  await Promise.all([flush(process.stdout), flush(process.stderr)])
  return process.exit(exitCode === 0 ? process.exitCode : exitCode)
}

function ignoreGoneReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** Flags without a command are those of the server, as in the command lines of the gateways this one replaces. */
export function withCommand(argv: readonly string[]): string[] {
  const [first] = argv
  return first === undefined || !first.startsWith('-') || ALONE.includes(first)
    ? [...argv]
    : ['serve', ...argv]
}

/** Read from the words themselves, because words that cannot be parsed are to be reported in JSON, too. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json')
}

/** Resolves when everything written so far has left; a reader that went away is no failure. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve())
  })
}
