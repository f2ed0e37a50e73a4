import type { Operation, SetWrite, UnitWrite } from '../store.ts'
import type { Packed } from './packing.ts'
import { RememberedSet } from './remembered-set.ts'

/** A write as it is to be remembered. */
export type RememberedWrite = SimpleWrite | { readonly kind: 'set'; readonly write: SetWrite }

/** A write that the store acknowledged. */
export type AcknowledgedWrite = Acknowledged & RememberedWrite

/** The same as it is kept. */
export type JournalEntry = Acknowledged &
  (SimpleWrite | { readonly kind: 'set'; readonly write: RememberedSet })

type SimpleWrite =
  | { readonly kind: 'group'; readonly write: Packed }
  | { readonly kind: 'remove'; readonly write: UnitWrite }
  | { readonly kind: 'wipe' }

interface Acknowledged {
  readonly partition: number
  readonly operation: Operation['operation']
  /** The store's time when it was first applied, in milliseconds; with a fraction if that already orders it. */
  readonly atMs: number
  /** Version of the partition after the write, where it made one; orders writes of one millisecond. */
  readonly version?: number | undefined
  /** Epoch of the partition that has the write; another one once it was written again. */
  epoch: string
  /** The store was asked and is without it, and refused to take it again. Until it does, the window does not matter. */
  isOwed?: boolean
}

export interface JournalOptions {
  /** How long writes are remembered; 0 = not at all. */
  readonly windowMs: number
  /** Most memory for them, an estimate. */
  readonly maxBytes: number
  /** Told how many writes were given up for want of room, together and so far. */
  readonly onForgotten?: (writes: number, total: number) => void
}

interface Note {
  readonly entry: JournalEntry
  readonly notedAtMs: number
  readonly bytes: number
  /** Nothing more is to be done about it. */
  dropped: boolean
}

/** The note, the entry, what holds the bytes of the write, and their place here. */
const ENTRY_BYTES = 500
/** Places in front that may be empty before the rest is moved up. */
const MOST_EMPTY = 4096

/**
 * The writes this process acknowledged lately, oldest first, so that they can be written again when a failover loses
 * them. Groups are remembered as the bytes that were sent: what lives for half a minute is copied by the garbage collector
 * piece by piece, and many small objects for each push would cost more than all else that is done about it. Sets share
 * blobs and labels with whoever made the write.
 *
 * The window is counted back from the newest write, by the clock of this process: while the store is away and nothing can
 * be acknowledged, nothing gets too old either. What the store lost and has yet to take back stays also beyond the window.
 * Beyond `maxBytes` the oldest are forgotten, and counted.
 */
export class Journal {
  /** Entries that were given up for want of room. */
  forgotten = 0
  /** An estimate of what the entries take. */
  bytes = 0

  private readonly windowMs: number
  private readonly maxBytes: number
  private readonly onForgotten: JournalOptions['onForgotten']
  private readonly now: () => number
  private readonly notes: (Note | undefined)[] = []
  private first = 0
  /** Past the window, and owed to the store. */
  private owed: Note[] = []

  constructor({ windowMs, maxBytes, onForgotten }: JournalOptions, now = () => performance.now()) {
    this.windowMs = windowMs
    this.maxBytes = maxBytes
    this.onForgotten = onForgotten
    this.now = now
  }

  /** Whether every write of the window is remembered. */
  get isComplete(): boolean {
    return this.windowMs > 0 && this.forgotten === 0
  }

  /** Remembers one acknowledged write; its blobs must not be written to from then on. */
  note(written: AcknowledgedWrite): void {
    if (this.windowMs <= 0) return
    const entry: JournalEntry =
      written.kind === 'set' ? { ...written, write: new RememberedSet(written.write) } : written
    const notedAtMs = this.now()
    const { forgotten } = this
    const bytes = sizeOf(entry)
    this.notes.push({ entry, notedAtMs, bytes, dropped: false })
    this.bytes += bytes
    while (this.bytes > this.maxBytes && this.owed.length > 0) this.giveUpOwed()
    for (let oldest = this.notes[this.first]; oldest !== undefined; oldest = this.notes[this.first]) {
      const isOld = oldest.notedAtMs < notedAtMs - this.windowMs
      const isTooMuch = this.bytes > this.maxBytes
      if (!isOld && !isTooMuch) break
      this.notes[this.first++] = undefined
      if (isOwed(oldest) && !isTooMuch) this.owed.push(oldest)
      else this.release(oldest, !isOld || isOwed(oldest))
    }
    if (this.forgotten > forgotten) this.onForgotten?.(this.forgotten - forgotten, this.forgotten)
    if (this.first < MOST_EMPTY || this.first * 2 < this.notes.length) return
    this.notes.splice(0, this.first)
    this.first = 0
  }

  /** What is remembered of these partitions, by partition, each in the order of its writes. */
  entriesOf(partitions: Iterable<number>): Map<number, JournalEntry[]> {
    const found = new Map<number, JournalEntry[]>()
    for (const partition of partitions) found.set(partition, [])
    for (const { entry } of this.owed) found.get(entry.partition)?.push(entry)
    for (let place = this.first; place < this.notes.length; place++) {
      const note = this.notes[place]
      if (note !== undefined && !note.dropped) found.get(note.entry.partition)?.push(note.entry)
    }
    return found
  }

  /** After a mending: these were lost for good and told so, and are not to be found missing again. */
  drop(entries: ReadonlySet<JournalEntry>): void {
    if (entries.size > 0 || this.owed.length > 0) this.dropWhere((entry) => entries.has(entry))
  }

  /** Somebody emptied the partition on purpose: nothing of it may be written again. */
  forget(partition: number): void {
    this.dropWhere((entry) => entry.partition === partition)
  }

  private dropWhere(matches: (entry: JournalEntry) => boolean): void {
    for (let place = this.first; place < this.notes.length; place++) {
      const note = this.notes[place]
      if (note !== undefined && matches(note.entry)) note.dropped = true
    }
    for (const note of this.owed) if (matches(note.entry)) note.dropped = true
    const settled = this.owed.filter((note) => !isOwed(note))
    this.owed = this.owed.filter(isOwed)
    for (const note of settled) this.release(note, false)
  }

  private giveUpOwed(): void {
    const oldest = this.owed.shift()
    if (oldest !== undefined) this.release(oldest, isOwed(oldest))
  }

  private release(note: Note, isGivenUp: boolean): void {
    if (isGivenUp && !note.dropped) this.forgotten++
    this.bytes -= note.bytes
  }
}

function isOwed({ entry, dropped }: Note): boolean {
  return entry.isOwed === true && !dropped
}

function sizeOf(entry: JournalEntry): number {
  switch (entry.kind) {
    case 'wipe':
    case 'remove':
      return ENTRY_BYTES
    case 'set':
      return ENTRY_BYTES + entry.write.bytes
    case 'group':
      return ENTRY_BYTES + entry.write.length
  }
}
