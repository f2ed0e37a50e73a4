import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { PgrError } from '../../errors/pgr-error.ts'
import { RecordSplitter } from './record.ts'
import type { StoreState } from './snapshot.ts'
import { type ReadState, StateReader, writeState } from './state-records.ts'

/**
 * The file of a snapshot: what it is and the version of the format, then frames of a stream of records. The head and
 * every frame end with the checksum of all that stands before. Numbers are four bytes, the lowest first.
 */
const MAGIC = Buffer.from('pgrstate')
const FORMAT = 1
const NUMBER_BYTES = 4
const HEAD_BYTES = MAGIC.length + 2 * NUMBER_BYTES

/** Most content of a frame. Between two frames the event loop takes a turn. */
export const FRAME_BYTES = 64 * 1024
/** Pieces after which a frame ends, however small they are. */
export const FRAME_PIECES = 4096

const READ_BYTES = 1024 * 1024

/**
 * Puts a snapshot in the place of the file's old content: whole and on the disk, or not at all. Returns its size.
 * Rejects with what the system says.
 */
export async function writeSnapshot(file: string, state: StoreState): Promise<number> {
  const temporary = `${file}.tmp`
  // Left over by a process that was killed; or a link that somebody put there.
  await rm(temporary, { force: true })
  const handle = await open(temporary, 'wx', 0o600)
  try {
    const bytes = await writeFrames(handle, state).finally(() => handle.close())
    await rename(temporary, file)
    await syncFolder(dirname(file))
    return bytes
  } catch (reason) {
    // A full disk needs the room.
    await rm(temporary, { force: true }).catch(() => undefined)
    throw reason
  }
}

async function writeFrames(handle: FileHandle, state: StoreState): Promise<number> {
  let bytes = 0
  for (const frame of framesOf(writeState(state))) {
    if (frame.byteLength === 0) await nextTurn()
    for (let at = 0; at < frame.byteLength; ) at += (await handle.write(frame, at)).bytesWritten
    bytes += frame.byteLength
  }
  await handle.sync()
  return bytes
}

/** A rename is kept over a loss of power only when the folder is. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

/** The head, then frames; each is good until the next is asked for, and empty when there was nothing to put in. */
export function* framesOf(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  const head = Buffer.alloc(HEAD_BYTES)
  MAGIC.copy(head)
  head.writeUInt32LE(FORMAT, MAGIC.length)
  let sum = crc32(head.subarray(0, HEAD_BYTES - NUMBER_BYTES))
  head.writeUInt32LE(sum, HEAD_BYTES - NUMBER_BYTES)
  yield head

  const frame = Buffer.allocUnsafe(FRAME_BYTES + 2 * NUMBER_BYTES)
  let used = 0
  function seal(): Uint8Array {
    if (used === 0) return frame.subarray(0, 0)
    const end = NUMBER_BYTES + used
    frame.writeUInt32LE(used)
    sum = crc32(frame.subarray(0, end), sum)
    used = 0
    return frame.subarray(0, frame.writeUInt32LE(sum, end))
  }

  let taken = 0
  for (const piece of pieces) {
    for (let at = 0; at < piece.byteLength; ) {
      const part = piece.subarray(at, at + FRAME_BYTES - used)
      frame.set(part, NUMBER_BYTES + used)
      used += part.byteLength
      at += part.byteLength
      if (used === FRAME_BYTES) yield seal()
    }
    if (++taken % FRAME_PIECES === 0) yield seal()
  }
  yield seal()
}

/**
 * What a file holds; undefined when there is none. Rejects with PGR_START_FAILED when it cannot be read, is no snapshot
 * or a damaged one.
 */
export async function readSnapshot(file: string): Promise<ReadState | undefined> {
  let handle: FileHandle
  try {
    handle = await open(file, 'r')
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    return refuse(file, `cannot be read: ${messageOf(reason)}`, 'make it readable', reason)
  }
  const reader = new StateReader()
  const frames = new FrameReader(new RecordSplitter((type, content) => reader.take(type, content)))
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: READ_BYTES })) frames.push(chunk)
    frames.end()
    return reader.end()
  } catch (reason) {
    if (reason instanceof Foreign) return refuse(file, reason.message, 'give --persistence.file another name')
    if (reason instanceof RangeError)
      return refuse(file, `is damaged: ${reason.message}`, 'put a copy of it there')
    return refuse(file, `cannot be read: ${messageOf(reason)}`, 'make it readable', reason)
  }
}

/** A file that never was a snapshot this program can read. */
class Foreign extends Error {}

class FrameReader {
  private readonly records: RecordSplitter
  private waiting: Buffer = Buffer.alloc(0)
  private sum: number | undefined
  /** Bytes of the file that were understood. */
  private read = 0

  constructor(records: RecordSplitter) {
    this.records = records
  }

  push(chunk: Buffer): void {
    const data = this.waiting.length === 0 ? chunk : Buffer.concat([this.waiting, chunk])
    let at = 0
    while (at < data.length) {
      const bytes = this.take(data.subarray(at))
      if (bytes === 0) break
      at += bytes
      this.read += bytes
    }
    this.waiting = data.subarray(at)
  }

  end(): void {
    if (this.sum === undefined) throw new Foreign('is no snapshot of pgr')
    if (this.waiting.length > 0)
      throw new RangeError(`it ends in the middle of what begins at byte ${this.read}`)
    if (!this.records.isAtEnd) throw new RangeError('it ends too early')
  }

  /** Takes the head or a frame from the front of `data`; returns its length, or 0 when there is not all of it yet. */
  private take(data: Buffer): number {
    if (this.sum === undefined) return this.takeHead(data)
    if (data.length < NUMBER_BYTES) return 0
    const content = data.readUInt32LE()
    if (content > FRAME_BYTES) this.damaged()
    const end = NUMBER_BYTES + content
    if (data.length < end + NUMBER_BYTES) return 0
    this.sum = crc32(data.subarray(0, end), this.sum)
    if (data.readUInt32LE(end) !== this.sum) this.damaged()
    this.records.push(data.subarray(NUMBER_BYTES, end))
    return end + NUMBER_BYTES
  }

  private takeHead(data: Buffer): number {
    if (!data.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, data.length)))
      throw new Foreign('is no snapshot of pgr')
    if (data.length < HEAD_BYTES) return 0
    this.sum = crc32(data.subarray(0, HEAD_BYTES - NUMBER_BYTES))
    if (data.readUInt32LE(HEAD_BYTES - NUMBER_BYTES) !== this.sum) this.damaged()
    const format = data.readUInt32LE(MAGIC.length)
    if (format !== FORMAT)
      throw new Foreign(
        `was written by another version of pgr, in format ${format}, and this one reads ${FORMAT}`,
      )
    return HEAD_BYTES
  }

  private damaged(): never {
    throw new RangeError(`the checksum behind byte ${this.read} is wrong`)
  }
}

function refuse(file: string, what: string, remedy: string, cause?: unknown): never {
  throw new PgrError(
    'PGR_START_FAILED',
    `the snapshot ${file} ${what}; ${remedy}, or move it away to start with nothing stored`,
    cause === undefined ? {} : { cause },
  )
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}
