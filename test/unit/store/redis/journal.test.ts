import { describe, expect, it } from 'vitest'
import { packGroup } from '../../../../src/store/redis/group-writes.ts'
import { type AcknowledgedWrite, Journal, type JournalEntry } from '../../../../src/store/redis/journal.ts'
import { makeClock } from '../../../support/clock.ts'
import { family, jobOf, mergeOf, putOf, removalOf, sample, setFamily } from '../../../support/store-writes.ts'

const backup = jobOf('backup')

function pushed(partition: number, atMs: number, text = 'x'): AcknowledgedWrite & JournalEntry {
  const write = putOf(backup, [family('a', text)])
  return { kind: 'group', write: packGroup(write), partition, operation: write.operation, atMs, epoch: 'e' }
}

const timesOf = (journal: Journal, partition: number) =>
  journal
    .entriesOf([partition])
    .get(partition)
    ?.map(({ atMs }) => atMs)

describe('the journal', () => {
  it('tells the writes of each partition asked for, in their order', () => {
    const journal = new Journal({ windowMs: 1000, maxBytes: 1e6 })
    for (const [partition, atMs] of [
      [3, 10],
      [5, 11],
      [3, 12],
      [7, 13],
    ] as const)
      journal.note(pushed(partition, atMs))
    const found = journal.entriesOf([3, 5, 9])
    expect([...found].map(([partition, entries]) => [partition, entries.map(({ atMs }) => atMs)])).toEqual([
      [3, [10, 12]],
      [5, [11]],
      [9, []],
    ])
  })

  it('forgets what is older than the window, counted back from the newest write', () => {
    const clock = makeClock()
    const journal = new Journal({ windowMs: 1000, maxBytes: 1e6 }, clock.now)
    journal.note(pushed(0, 1))
    clock.advance(600)
    journal.note(pushed(0, 2))
    clock.advance(400)
    journal.note(pushed(0, 3))
    expect(timesOf(journal, 0)).toEqual([1, 2, 3])
    // An outage: nothing is acknowledged, and what was must not get too old to be mended.
    clock.advance(60_000)
    expect(timesOf(journal, 0)).toEqual([1, 2, 3])
    journal.note(pushed(0, 4))
    expect(timesOf(journal, 0)).toEqual([4])
    expect(journal.forgotten).toBe(0)
  })

  it('holds at most its bytes, giving up the oldest first and counting them', () => {
    const told: (readonly number[])[] = []
    const onForgotten = (...counts: readonly number[]) => void told.push(counts)
    const journal = new Journal({ windowMs: 1000, maxBytes: 10_000, onForgotten }, () => 0)
    for (let n = 0; n < 12; n++) journal.note(pushed(0, n, 'x'.repeat(1500)))
    const kept = timesOf(journal, 0) ?? []
    expect(kept.length).toBeGreaterThan(2)
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, n) => 12 - kept.length + n))
    expect(journal.forgotten).toBe(12 - kept.length)
    expect(journal.bytes).toBeLessThanOrEqual(10_000)
    expect(journal.bytes).toBeGreaterThan(kept.length * 1500)

    journal.note(pushed(0, 99, 'x'.repeat(20_000)))
    expect(timesOf(journal, 0)).toEqual([])
    expect([journal.forgotten, journal.bytes]).toEqual([13, 0])
    expect(told.at(0)).toEqual([1, 1])
    expect(told.at(-1)).toEqual([1 + kept.length, 13])
    expect(told.reduce((sum, [writes = 0]) => sum + writes, 0)).toBe(13)
  })

  it('counts blobs of samples too', () => {
    const journal = new Journal({ windowMs: 1000, maxBytes: 1e6 })
    const write = mergeOf(backup, [setFamily('h', [sample('x', Buffer.alloc(5000)), sample('y', 1)])])
    journal.note({ kind: 'set', write, partition: 0, operation: write.operation, atMs: 1, epoch: 'e' })
    expect(journal.bytes).toBeGreaterThan(5000)
  })

  it('gives back sets as they were written, whatever is in them', () => {
    const journal = new Journal({ windowMs: 1000, maxBytes: 1e6 })
    const { deadlineMs, ...write } = mergeOf(backup, [
      setFamily('h', [
        sample('x', Buffer.from('blob'), 5),
        sample('y', 1.5, 7),
        sample('z', -0),
        sample('s', 'stale', 9),
        { ...sample('k', Number.NaN, 1), key: 'its key' },
      ]),
      setFamily('empty', [], { type: 'counter', help: 'Help.', unit: 'seconds' }),
    ])
    journal.note({
      kind: 'set',
      write: { ...write, deadlineMs },
      partition: 0,
      operation: write.operation,
      atMs: 1,
      epoch: 'e',
    })
    const [entry] = journal.entriesOf([0]).get(0) ?? []
    expect(entry?.kind === 'set' && entry.write.restore(42)).toEqual({ ...write, deadlineMs: 42 })
  })

  it('remembers nothing with a window of 0', () => {
    const journal = new Journal({ windowMs: 0, maxBytes: 1e6 })
    journal.note(pushed(0, 1))
    expect([timesOf(journal, 0), journal.bytes, journal.forgotten]).toEqual([[], 0, 0])
  })

  it('forgets a partition that was emptied on purpose, and no other', () => {
    const journal = new Journal({ windowMs: 1000, maxBytes: 1e6 })
    journal.note(pushed(0, 1))
    journal.note(pushed(1, 2))
    journal.forget(0)
    journal.note(pushed(0, 3))
    expect([timesOf(journal, 0), timesOf(journal, 1)]).toEqual([[3], [2]])
  })

  it('does not tell again what was dropped, and does not count it as forgotten', () => {
    const journal = new Journal({ windowMs: 1000, maxBytes: 2000 }, () => 0)
    const removal = removalOf(backup)
    const entry = { kind: 'remove', write: removal, partition: 0, atMs: 1, epoch: 'e' } as const
    const noted: AcknowledgedWrite & JournalEntry = { ...entry, operation: removal.operation }
    journal.note(noted)
    journal.note(pushed(0, 2))
    journal.drop(new Set([noted]))
    expect(timesOf(journal, 0)).toEqual([2])
    journal.note(pushed(0, 3))
    expect([timesOf(journal, 0), journal.forgotten]).toEqual([[2, 3], 0])
  })

  it('keeps what the store lost and has yet to take back, beyond the window and within the bytes', () => {
    const clock = makeClock()
    const journal = new Journal({ windowMs: 1000, maxBytes: 5000 }, clock.now)
    const [owed, settled, gone] = [pushed(0, 1), pushed(0, 2), pushed(0, 3)]
    for (const entry of [owed, settled, gone, pushed(0, 4)]) {
      entry.isOwed = entry.atMs < 4
      journal.note(entry)
    }
    const bytes = journal.bytes
    clock.advance(2000)
    journal.note(pushed(0, 5))
    expect(timesOf(journal, 0)).toEqual([1, 2, 3, 5])
    expect(journal.bytes).toBe(bytes)

    settled.isOwed = false
    journal.drop(new Set([gone]))
    expect([timesOf(journal, 0), journal.bytes, journal.forgotten]).toEqual([[1, 5], bytes / 2, 0])
    // The oldest first, as ever.
    journal.note(pushed(0, 6, 'x'.repeat(3500)))
    expect([timesOf(journal, 0), journal.forgotten]).toEqual([[5, 6], 1])

    const late = pushed(1, 7)
    late.isOwed = true
    journal.note(late)
    expect(journal.forgotten).toBe(2)
    clock.advance(2000)
    journal.note(pushed(1, 8))
    journal.forget(1)
    expect([timesOf(journal, 1), journal.forgotten]).toEqual([[], 2])
  })

  it('keeps no more places than entries need, however many went through', () => {
    const clock = makeClock()
    const journal = new Journal({ windowMs: 100, maxBytes: 1e9 }, clock.now)
    for (let n = 0; n < 50_000; n++) {
      clock.advance(1)
      journal.note(pushed(0, n))
    }
    expect(timesOf(journal, 0)).toHaveLength(101)
    const { notes } = journal as unknown as { notes: unknown[] }
    expect(notes.length).toBeLessThan(9000)
  })
})
