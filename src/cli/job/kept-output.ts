import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Output of a command that is kept back until it is known whether anybody wants it. In files: it takes no memory. */
export interface KeptOutput {
  /** For the command's stdout and stderr. */
  readonly fds: readonly [stdout: number, stderr: number]
  /** Writes what was kept, byte for byte: stdout to stdout, then stderr to stderr. */
  show(): void
  close(): void
}

const CHUNK_BYTES = 64 * 1024
/** Between attempts to write to a reader that is behind. */
const PAUSE_MS = 5

/** The files have no name any more once this returns. Throws what opening them throws. */
export function keepOutput(folder: string): KeptOutput {
  const fds = [openUnnamed(join(folder, 'stdout')), openUnnamed(join(folder, 'stderr'))] as const
  return {
    fds,
    show() {
      fds.forEach((fd, at) => {
        copy(fd, at + 1)
      })
    },
    close() {
      for (const fd of fds) closeSync(fd)
    },
  }
}

function openUnnamed(path: string): number {
  const { O_RDWR, O_CREAT, O_EXCL, O_APPEND } = constants
  const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0o600)
  unlinkSync(path)
  return fd
}

function copy(from: number, to: number): void {
  const chunk = Buffer.alloc(CHUNK_BYTES)
  for (let at = 0; ; ) {
    const bytes = readSync(from, chunk, 0, chunk.length, at)
    if (bytes === 0) return
    at += bytes
    if (!writeAll(to, chunk.subarray(0, bytes))) return
  }
}

/** False when nobody reads any more. */
function writeAll(fd: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (reason) {
      if (!(reason instanceof Error && 'code' in reason && reason.code === 'EAGAIN')) return false
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
  return true
}
