import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FamilyIndex } from '../../../src/gateway/view/families.ts'
import { type Entry, makeUnit } from '../../../src/gateway/view/unit.ts'
import type { FamilyType } from '../../../src/model/family.ts'
import { unitId } from '../../../src/model/unit.ts'

const units = ['group', 'set'].flatMap((kind) =>
  Array.from({ length: 8 }, (_, n) => {
    const labels = [{ name: 'job', value: `${n}` }]
    return makeUnit(unitId(kind as 'group' | 'set', labels), labels)
  }),
)

/** What decides, looked for the slow way: first seen, then unit id; series of unknown type in a set last. */
function expectedWinner(entries: readonly Entry[]): Entry | undefined {
  const rank = ({ type, unit }: Entry) => (type === 'unknown' && unit.kind === 'set' ? 1 : 0)
  return [...entries].sort(
    (a, b) => rank(a) - rank(b) || a.firstSeenMs - b.firstSeenMs || (a.unit.id < b.unit.id ? -1 : 1),
  )[0]
}

const change = fc.record({
  place: fc.nat(units.length - 1),
  kind: fc.constantFrom('add', 'add', 'add', 'remove', 'age', 'retype'),
  firstSeenMs: fc.nat(6),
  type: fc.constantFrom<FamilyType>('counter', 'gauge', 'unknown'),
})

describe('a family index', () => {
  it('knows who decides, who is there and which types clash, whatever comes, goes and changes', () => {
    let mostEntries = 0
    fc.assert(
      fc.property(fc.array(change, { minLength: 20, maxLength: 120, size: 'max' }), (changes) => {
        const index = new FamilyIndex('a')
        const all = units.map(
          (unit) => ({ unit, name: 'a', type: 'counter', firstSeenMs: 0, place: -1 }) as Entry,
        )
        const there = new Set<Entry>()
        for (const { place, kind, firstSeenMs, type } of changes) {
          const entry = all[place] as Entry
          if (kind === 'add' && !there.has(entry)) {
            entry.firstSeenMs = firstSeenMs
            entry.type = type
            index.add(entry)
            there.add(entry)
          } else if (there.has(entry)) {
            if (kind === 'remove') {
              index.remove(entry)
              there.delete(entry)
            } else if (kind === 'age') {
              entry.firstSeenMs = firstSeenMs
              index.aged(entry)
            } else if (kind === 'retype') {
              const before = entry.type
              entry.type = type
              entry.firstSeenMs = firstSeenMs
              if (before === type) index.aged(entry)
              else index.retype(entry, before)
            }
          }
          mostEntries = Math.max(mostEntries, there.size)
          expect(index.winner()).toBe(expectedWinner([...there]))
          expect(new Set(index.entries)).toEqual(there)
          expect(index.entries).toHaveLength(there.size)
          expect(all.filter((each) => index.has(each))).toHaveLength(there.size)
          const counters = [...there].some((each) => each.type === 'counter')
          expect(index.clashingType('counter', undefined) === undefined).toBe(
            ![...there].some(
              (each) => each.type === 'gauge' || (each.type === 'unknown' && each.unit.kind === 'group'),
            ),
          )
          if (counters) expect(index.clashingType('summary', undefined)).toBeDefined()
        }
      }),
      { numRuns: 50 },
    )
    expect(mostEntries).toBeGreaterThan(8)
  })
})
