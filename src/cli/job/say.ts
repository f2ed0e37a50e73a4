import { writeSync } from 'node:fs'

/**
 * One line on stderr that tells itself from those of the command. Written without the stream of Node: opening that would
 * turn off blocking for a pipe that the command shares, and its own writes could fail.
 */
export function say(line: string): void {
  try {
    writeSync(2, `pgr: ${line}\n`)
  } catch {
    // Nobody reads it; the command goes on.
  }
}
