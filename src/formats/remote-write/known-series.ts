import { randomBytes } from 'node:crypto'
import type { ReadOptions } from '../format.ts'

/**
 * Raw bytes of label sets that were read and found good, and what they stand for. Senders repeat theirs for as long as a
 * series lives.
 *
 * Bounded by two generations: what is met moves to the younger one, and once that is full it becomes the older one, and
 * what was not met since is forgotten. Whatever a stranger sends, nothing here grows beyond both, and nothing becomes
 * slow: bytes made to meet in one place of the table find it taken, and are simply not remembered.
 */
export class KnownSeries<T> {
  private young = new Generation<T>()
  private old = new Generation<T>()
  private rules: ReadOptions | undefined
  private readonly generationBytes: number

  constructor(generationBytes: number) {
    this.generationBytes = generationBytes
  }

  /** Forgets everything that was found good by other rules. */
  obey(rules: ReadOptions): void {
    if (this.rules !== undefined && !areAlike(this.rules, rules)) {
      this.young = new Generation()
      this.old = new Generation()
    }
    this.rules = rules
  }

  get(bytes: Buffer, start: number, end: number): T | undefined {
    const hash = hashOf(bytes, start, end)
    const known = this.young.get(hash, bytes, start, end)
    if (known !== undefined) return known
    const remembered = this.old.get(hash, bytes, start, end)
    if (remembered !== undefined) this.keep(bytes, start, end, remembered)
    return remembered
  }

  keep(bytes: Buffer, start: number, end: number, series: T): void {
    if (end - start > LONGEST_KEY) return
    if (this.young.bytes + end - start + ENTRY_BYTES > this.generationBytes) {
      this.old = this.young
      this.young = new Generation()
    }
    this.young.set(hashOf(bytes, start, end), bytes, start, end, series)
  }
}

const LONGEST_KEY = 8192
/** What an entry takes up beside its bytes, roughly. */
const ENTRY_BYTES = 128
/** Places of the table that are tried for one key. */
const MOST_PROBES = 16
const FIRST_CAPACITY = 1024

/** A hash table whose keys are runs of bytes, copied one behind the other. */
class Generation<T> {
  private arena = Buffer.allocUnsafeSlow(64 * FIRST_CAPACITY)
  private arenaView = viewOf(this.arena)
  private arenaEnd = 0
  /** Number of the entry from 1 on, 0 = free. Twice as many as entries, at least. */
  private places = new Int32Array(2 * FIRST_CAPACITY)
  private hashes = new Int32Array(FIRST_CAPACITY)
  private starts = new Int32Array(FIRST_CAPACITY)
  private ends = new Int32Array(FIRST_CAPACITY)
  private readonly values: T[] = []

  get bytes(): number {
    return this.arenaEnd + ENTRY_BYTES * this.values.length
  }

  get(hash: number, bytes: Buffer, start: number, end: number): T | undefined {
    const { places, hashes, starts, ends } = this
    const mask = places.length - 1
    for (let probe = 0; probe < MOST_PROBES; probe++) {
      const entry = places[(hash + probe) & mask] as number
      if (entry === 0) return undefined
      const from = starts[entry - 1] as number
      if (
        hashes[entry - 1] === hash &&
        (ends[entry - 1] as number) - from === end - start &&
        this.isAt(from, bytes, start, end)
      )
        return this.values[entry - 1]
    }
    return undefined
  }

  set(hash: number, bytes: Buffer, start: number, end: number, value: T): void {
    if (this.values.length === this.hashes.length) this.grow()
    const at = this.freePlace(hash)
    if (at === undefined) return
    const entry = this.values.push(value)
    this.places[at] = entry
    this.hashes[entry - 1] = hash
    this.starts[entry - 1] = this.arenaEnd
    this.makeRoom(end - start)
    bytes.copy(this.arena, this.arenaEnd, start, end)
    this.arenaEnd += end - start
    this.ends[entry - 1] = this.arenaEnd
  }

  private freePlace(hash: number): number | undefined {
    const mask = this.places.length - 1
    for (let probe = 0; probe < MOST_PROBES; probe++)
      if (this.places[(hash + probe) & mask] === 0) return (hash + probe) & mask
    return undefined
  }

  private isAt(from: number, bytes: Buffer, start: number, end: number): boolean {
    const { arena, arenaView } = this
    const view = viewOf(bytes)
    const shift = from - start
    let at = start
    for (; at + 4 <= end; at += 4)
      if (view.getInt32(at, true) !== arenaView.getInt32(at + shift, true)) return false
    for (; at < end; at++) if (bytes[at] !== arena[at + shift]) return false
    return true
  }

  private makeRoom(bytes: number): void {
    if (this.arenaEnd + bytes <= this.arena.length) return
    const larger = Buffer.allocUnsafeSlow(2 * Math.max(this.arena.length, bytes))
    this.arena.copy(larger, 0, 0, this.arenaEnd)
    this.arena = larger
    this.arenaView = viewOf(larger)
  }

  private grow(): void {
    const capacity = 2 * this.hashes.length
    this.hashes = enlarged(this.hashes, capacity)
    this.starts = enlarged(this.starts, capacity)
    this.ends = enlarged(this.ends, capacity)
    this.places = new Int32Array(2 * capacity)
    for (let entry = 1; entry <= this.values.length; entry++) {
      const at = this.freePlace(this.hashes[entry - 1] as number)
      if (at !== undefined) this.places[at] = entry
    }
  }
}

function enlarged(from: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(capacity)
  to.set(from)
  return to
}

/** Of the bytes looked at last: those of one body, mostly. */
let viewed: Buffer | undefined
let view: DataView = new DataView(new ArrayBuffer(0))

function viewOf(bytes: Buffer): DataView {
  if (bytes === viewed) return view
  viewed = bytes
  view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return view
}

const SEED = randomBytes(4).readInt32LE()

function hashOf(bytes: Buffer, start: number, end: number): number {
  const words = viewOf(bytes)
  let hash = SEED ^ (end - start)
  let at = start
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ words.getInt32(at, true), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x9e3779b1)
  return hash ^ (hash >>> 15)
}

/** As far as labels are concerned. */
function areAlike(a: ReadOptions, b: ReadOptions): boolean {
  return (
    a.limits.labelsPerSeries === b.limits.labelsPerSeries &&
    a.limits.nameLength === b.limits.nameLength &&
    a.limits.valueLength === b.limits.valueLength
  )
}
