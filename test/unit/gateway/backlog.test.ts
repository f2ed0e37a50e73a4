import { describe, expect, it } from 'vitest'
import { Backlog } from '../../../src/gateway/exposition/backlog.ts'
import { type Entry, makeUnit, type Unit } from '../../../src/gateway/view/unit.ts'
import { unitId } from '../../../src/model/unit.ts'

const FOREVER = Number.POSITIVE_INFINITY

function unitWith(instance: string, ...families: string[]): Unit {
  const labels = [
    { name: 'instance', value: instance },
    { name: 'job', value: 'j' },
  ]
  const unit = makeUnit(unitId('group', labels), labels)
  for (const name of families) unit.entries.set(name, { unit, name } as Entry)
  return unit
}

function entryOf(unit: Unit, name: string): Entry {
  return unit.entries.get(name) as Entry
}

function mapOf(units: readonly Unit[]): Map<string, Unit> {
  return new Map(units.map((unit) => [unit.id, unit]))
}

/** Family and instance of all that is handed out, a few microseconds at a time. */
function drain(backlog: Backlog, until = FOREVER): string[] {
  const names: string[] = []
  while (!backlog.isEmpty) {
    const entry = backlog.next(until)
    if (entry !== undefined) names.push(`${entry.name} ${entry.unit.labels[0]?.value}`)
  }
  return names
}

describe('a backlog', () => {
  it('begins with every entry there is, by family and then by unit', () => {
    const units = [unitWith('c', 'b', 'a'), unitWith('a', 'a'), unitWith('b', 'a', 'b')]
    expect(drain(new Backlog(mapOf(units)))).toEqual(['a a', 'a b', 'a c', 'b b', 'b c'])
  })

  it('is empty without units, and with units that hold nothing hands out nothing', () => {
    expect(new Backlog(new Map()).isEmpty).toBe(true)
    expect(drain(new Backlog(mapOf([unitWith('a')])))).toEqual([])
  })

  it('hands out what is added in the same order, once however often it was added', () => {
    const units = [unitWith('b', 'x', 'y'), unitWith('a', 'x', 'y')]
    const backlog = new Backlog(new Map())
    for (const unit of [...units, ...units]) for (const entry of unit.entries.values()) backlog.add(entry)
    expect(drain(backlog)).toEqual(['x a', 'x b', 'y a', 'y b'])
  })

  it('hands out again what is added after it was handed out', () => {
    const unit = unitWith('a', 'x')
    const backlog = new Backlog(mapOf([unit]))
    expect(backlog.next(FOREVER)).toBe(entryOf(unit, 'x'))
    backlog.add(entryOf(unit, 'x'))
    expect(drain(backlog)).toEqual(['x a'])
  })

  it('loses nothing and nobody when its time is always up', () => {
    const units = Array.from({ length: 50 }, (_, n) => unitWith(String(n).padStart(2, '0'), 'x', 'y'))
    const backlog = new Backlog(mapOf(units))
    const expected = ['x', 'y'].flatMap((name) => units.map(({ labels }) => `${name} ${labels[0]?.value}`))
    expect(drain(backlog, 0)).toEqual(expected)
  })

  it('finds units that come while it is at work', () => {
    const units = mapOf([unitWith('a', 'x'), unitWith('b', 'x')])
    const backlog = new Backlog(units)
    const late = unitWith('c', 'x')
    units.set(late.id, late)
    expect(drain(backlog)).toEqual(['x a', 'x b', 'x c'])
  })

  it('hands out more than it orders at a time, in runs that are in order', () => {
    const units = Array.from({ length: 10_500 }, (_, n) => unitWith(String(n).padStart(5, '0'), 'x', 'y'))
    const names = drain(new Backlog(mapOf(units)))
    expect(new Set(names).size).toBe(21_000)
    expect(names).toHaveLength(21_000)
    const descents = names.filter((name, at) => at > 0 && name < (names[at - 1] as string)).length
    expect(descents).toBeLessThan(3)
  })
})
