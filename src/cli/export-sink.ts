import { open, rename, rm } from 'node:fs/promises'
import { PgrError } from '../errors/pgr-error.ts'

/** Writes a file that is there as a whole or not at all, also when the power fails. Throws PGR_SETTING_INVALID. */
export async function writeFile(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const draft = `${path}.part`
  const file = await open(draft, 'w').catch((reason) => {
    throw unwritable(path, reason)
  })
  try {
    for await (const piece of pieces)
      await file.appendFile(piece).catch((reason) => {
        throw unwritable(path, reason)
      })
    await file.sync()
    await file.close()
    await rename(draft, path)
  } catch (reason) {
    await file.close().catch(() => {})
    await rm(draft, { force: true })
    throw reason
  }
}

/**
 * Writes to a stream as fast as its reader takes it; resolves to whether all of it was taken, which a reader that has read
 * enough does not do. Throws PGR_SETTING_INVALID where it cannot be written otherwise, as on a full disk.
 */
export async function writeStream(
  stream: NodeJS.WriteStream,
  pieces: AsyncIterable<string>,
): Promise<boolean> {
  let failure: NodeJS.ErrnoException | undefined
  stream.on('error', (reason) => {
    failure = reason
  })
  for await (const piece of pieces) {
    if (!stream.write(piece) && failure === undefined) await drained(stream)
    if (failure?.code === 'EPIPE') return false
    if (failure !== undefined) throw unwritable('standard output', failure)
  }
  return true
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    function done(): void {
      stream.off('drain', done).off('error', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('error', done).on('close', done)
  })
}

function unwritable(what: string, reason: unknown): PgrError {
  const why = reason instanceof Error ? reason.message : String(reason)
  return new PgrError('PGR_SETTING_INVALID', `${what} cannot be written: ${why}`, { cause: reason })
}
