import type { Labels } from '../../model/labels.ts'
import { keptBytes } from '../../wire/kept-bytes.ts'

/** Before the content of a record: its length in four bytes, and what it is in one. */
const HEAD_BYTES = 5

/**
 * Writes one record after the other into the same memory: what `end` gives is good until the next `begin`.
 * Numbers that count are as long as they need to be, seven bits to a byte, the lowest first.
 */
export class RecordWriter {
  private buffer = Buffer.allocUnsafe(4096)
  private at = 0

  begin(type: number): this {
    this.at = HEAD_BYTES
    this.buffer[HEAD_BYTES - 1] = type
    return this
  }

  /** The record; its content ends with `extra` bytes that follow. */
  end(extra = 0): Uint8Array {
    this.buffer.writeUInt32LE(this.at - HEAD_BYTES + extra)
    return this.buffer.subarray(0, this.at)
  }

  count(value: number): this {
    this.reserve(8)
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.buffer[this.at++] = (rest % 0x80) | 0x80
    this.buffer[this.at++] = rest
    return this
  }

  number(value: number): this {
    this.reserve(8)
    this.at = this.buffer.writeDoubleLE(value, this.at)
    return this
  }

  text(value: string): this {
    const bytes = Buffer.byteLength(value)
    this.count(bytes).reserve(bytes)
    this.at += this.buffer.write(value, this.at)
    return this
  }

  /** Bytes that stand for themselves, such as ids. */
  latin1(value: string): this {
    this.count(value.length).reserve(value.length)
    this.at += this.buffer.write(value, this.at, 'latin1')
    return this
  }

  labels(labels: Labels): this {
    this.count(labels.length)
    for (const { name, value } of labels) this.text(name).text(value)
    return this
  }

  private reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, this.at + bytes))
    this.buffer.copy(larger, 0, 0, this.at)
    this.buffer = larger
  }
}

/** Reads the content of one record. Throws a RangeError where it ends too early. */
export class RecordReader {
  private readonly buffer: Buffer
  private at = 0

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  count(): number {
    let value = 0
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.buffer.readUInt8(this.at++)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  number(): number {
    this.at += 8
    return this.buffer.readDoubleLE(this.at - 8)
  }

  text(): string {
    return this.take(this.count()).toString()
  }

  latin1(): string {
    return this.take(this.count()).toString('latin1')
  }

  labels(): Labels {
    const labels = []
    for (let left = this.count(); left > 0; left--) labels.push({ name: this.text(), value: this.text() })
    return labels
  }

  /** All that is left; it keeps nothing else of the record alive. */
  rest(): Uint8Array {
    return keptBytes(this.take(this.buffer.length - this.at))
  }

  get isAtEnd(): boolean {
    return this.at === this.buffer.length
  }

  private take(bytes: number): Buffer {
    const end = this.at + bytes
    if (end > this.buffer.length) throw new RangeError('the record ends too early')
    this.at = end
    return this.buffer.subarray(end - bytes, end)
  }
}

/** Puts records together from the pieces of a stream, and hands each of them on. */
export class RecordSplitter {
  private readonly take: (type: number, content: Buffer) => void
  /** What came of a record that needs more to be whole. */
  private pieces: Buffer[] = []
  private missing = 0

  constructor(take: (type: number, content: Buffer) => void) {
    this.take = take
  }

  push(piece: Buffer): void {
    this.pieces.push(piece)
    this.missing -= piece.length
    if (this.missing > 0) return
    const data = this.pieces.length === 1 ? piece : Buffer.concat(this.pieces)
    let at = 0
    let end = endOf(data, at)
    for (; end <= data.length; end = endOf(data, at)) {
      this.take(data.readUInt8(at + HEAD_BYTES - 1), data.subarray(at + HEAD_BYTES, end))
      at = end
    }
    this.pieces = at === data.length ? [] : [data.subarray(at)]
    this.missing = end - data.length
  }

  /** Whether every record has come whole. */
  get isAtEnd(): boolean {
    return this.pieces.length === 0
  }
}

/** Where the record that begins here ends, or at least its head. */
function endOf(data: Buffer, at: number): number {
  const head = at + HEAD_BYTES
  return data.length < head ? head : head + data.readUInt32LE(at)
}
