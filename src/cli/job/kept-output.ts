import { constants, createReadStream, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Output of a command that is kept back until it is known whether anybody wants it. In files: it takes no memory. */
export interface KeptOutput {
  /** For the command's stdout and stderr. */
  readonly fds: readonly [stdout: number, stderr: number]
  /** Writes what was kept, byte for byte: stdout to stdout, then stderr to stderr. Stops when it is told to hurry. */
  show(hurry: AbortSignal): Promise<void>
}

/** The files have no name any more once this returns. Throws what opening them throws. */
export function keepOutput(folder: string): KeptOutput {
  const fds = [openUnnamed(join(folder, 'stdout')), openUnnamed(join(folder, 'stderr'))] as const
  return {
    fds,
    async show(hurry) {
      await copy(fds[0], process.stdout, hurry)
      await copy(fds[1], process.stderr, hurry)
    },
  }
}

function openUnnamed(path: string): number {
  const { O_RDWR, O_CREAT, O_EXCL, O_APPEND } = constants
  const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0o600)
  unlinkSync(path)
  return fd
}

/** Through the streams of Node, which wait for readers that are behind. */
async function copy(fd: number, to: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(createReadStream('', { fd, start: 0, autoClose: false }), to, { end: false, signal })
  } catch {
    // Nobody reads any more, or waits.
  }
}
