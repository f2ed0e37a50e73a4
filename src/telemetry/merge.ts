import { quantiles } from './recent-summary.ts'
import type { Family, Labels, Rule, Sample, Snapshot } from './snapshot.ts'

/** Puts together what processes say, each by the name it has in the label `worker`; the first comes first. */
export function merge(parts: readonly (readonly [worker: string, snapshot: Snapshot])[]): Snapshot {
  const byName = new Map<string, Family[]>()
  for (const [worker, snapshot] of parts) {
    for (const family of snapshot) {
      const families = byName.get(family.name) ?? []
      byName.set(family.name, families)
      families.push(family.rule === 'each' ? labelled(family, worker) : family)
    }
  }
  return [...byName.values()].map(mergeFamily)
}

/** What stays true of a process that ended: all that it counted. */
export function countsOf(snapshot: Snapshot): Snapshot {
  return snapshot
    .filter(({ type, rule }) => type !== 'gauge' && rule === 'sum')
    .map(({ recent: _, ...counts }) => counts)
}

function labelled(family: Family, worker: string): Family {
  const values = family.values.map((sample) => ({ ...sample, labels: { ...sample.labels, worker } }))
  return { ...family, values }
}

function mergeFamily(families: readonly Family[]): Family {
  const [first] = families as [Family]
  const samples = new Map<string, Sample>()
  for (const sample of families.flatMap(({ values }) => values)) {
    const key = keyOf(sample.metricName ?? first.name, sample.labels)
    const before = samples.get(key)
    if (before === undefined) samples.set(key, sample)
    else samples.set(key, { ...before, value: JOIN[first.rule](before.value, sample.value) })
  }
  const { recent: _, ...family } = first
  return { ...family, values: [...quantilesOf(families), ...samples.values()] }
}

const JOIN: Readonly<Record<Rule, (one: number, other: number) => number>> = {
  sum: (one, other) => one + other,
  min: Math.min,
  max: Math.max,
  first: (one) => one,
  // Labels tell them apart: there are no two.
  each: (one) => one,
}

function quantilesOf(families: readonly Family[]): Sample[] {
  const joined = new Map<string, { labels: Labels; values: number[] }>()
  for (const { labels, values } of families.flatMap(({ recent = [] }) => recent)) {
    const key = keyOf('', labels)
    const all = joined.get(key) ?? { labels, values: [] }
    joined.set(key, all)
    all.values.push(...values)
  }
  return [...joined.values()].flatMap(({ labels, values }) =>
    quantiles(labels, Float64Array.from(values).sort()),
  )
}

function keyOf(name: string, labels: Labels): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1))])
}
