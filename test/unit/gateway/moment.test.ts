import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { writer } from '../../../src/formats/prometheus-text/index.ts'
import { writeStored } from '../../../src/formats/stored/index.ts'
import { Exposition } from '../../../src/gateway/exposition/exposition.ts'
import { View } from '../../../src/gateway/view/view.ts'
import type { Family } from '../../../src/model/family.ts'
import { unitId } from '../../../src/model/unit.ts'
import type { UnitChange } from '../../../src/store/store.ts'

/** Every look at the clock takes a while, so that a slice of rendering ends after every step. */
beforeEach(() => {
  let nowMs = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => {
    nowMs += 1
    return nowMs
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

type FamilyPlan = readonly [name: number, type: 'gauge' | 'counter' | 'histogram', series: number]
type Step =
  | { readonly kind: 'push'; readonly unit: number; readonly families: readonly FamilyPlan[] }
  | {
      readonly kind: 'write'
      readonly unit: number
      readonly page: number
      readonly names: readonly number[]
    }
  | { readonly kind: 'gone'; readonly unit: number }

/** Number of series of a family that cannot be read. */
const DAMAGED = 0

/** `a_count` clashes with a histogram `a`; of groups 0 and 1 some series are equal. */
const NAMES = ['a', 'a_count', 'b', 'c']
const GROUPS = [
  [{ name: 'job', value: 'one' }],
  [
    { name: 'instance', value: 'i' },
    { name: 'job', value: 'one' },
  ],
  [{ name: 'job', value: 'two' }],
  [
    { name: 'job', value: 'two' },
    { name: 'zone', value: 'z' },
  ],
]

const family: fc.Arbitrary<FamilyPlan> = fc.tuple(
  fc.nat({ max: NAMES.length - 1 }),
  fc.constantFrom('gauge', 'gauge', 'counter', 'histogram'),
  fc.integer({ min: 1, max: 3 }),
)
const unit = fc.nat({ max: GROUPS.length - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      unit,
      families: fc.uniqueArray(family, { maxLength: 4, selector: ([name]) => name }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      unit,
      page: fc.nat({ max: 2 }),
      names: fc.array(fc.nat({ max: NAMES.length - 1 }), { maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gone' as const), unit }) },
)

/** The name of a hidden family becomes free, and the family goes before that is found out. */
const NAME_BECOMES_FREE: [Step[], Step[], Step[][]] = [
  [
    { kind: 'push', unit: 0, families: [[0, 'histogram', 1]] },
    { kind: 'push', unit: 2, families: [[1, 'gauge', 1]] },
  ],
  [
    {
      kind: 'push',
      unit: 3,
      families: [
        [2, 'gauge', 1],
        [3, 'gauge', 1],
      ],
    },
    { kind: 'push', unit: 0, families: [] },
  ],
  [[{ kind: 'gone', unit: 2 }]],
]

function makeView() {
  const view = new View(1, { expired: () => undefined, reset: () => undefined })
  let version = 0
  const firstSeen = new Map<string, number>()
  const firstSeenOf = (key: string) => {
    const known = firstSeen.get(key) ?? version
    firstSeen.set(key, known)
    return known
  }
  const changeOf = (step: Step): UnitChange => {
    const labels = GROUPS[step.unit] as (typeof GROUPS)[number]
    const base = { version, labels, createdMs: 1, protocol: 'text' }
    if (step.kind === 'gone') return { kind: 'gone', id: unitId('group', labels), version }
    if (step.kind === 'write') {
      return {
        ...base,
        kind: 'set',
        id: unitId('set', labels),
        pushedMs: version,
        whole: false,
        families: NAMES.map((name) => ({
          name,
          type: 'gauge' as const,
          help: '',
          unit: '',
          firstSeenMs: firstSeenOf(`set ${step.unit} ${name}`),
        })),
        pages: [
          {
            number: step.page,
            metrics: step.names.map((family, i) => ({
              family,
              labels: [{ name: 'path', value: `/${step.page}/${i}` }],
              timestampMs: version,
              explicit: false,
              expiresMs: 0,
              content: version,
            })),
          },
        ],
      }
    }
    return {
      ...base,
      kind: 'group',
      id: unitId('group', labels),
      pushedMs: version,
      failedMs: 0,
      failure: '',
      expiresMs: 0,
      families: step.families.map(([name, type, series]) => ({
        name: NAMES[name] as string,
        type,
        series,
        version,
        expiresMs: 0,
        pushedMs: version,
        firstSeenMs: firstSeenOf(`group ${step.unit} ${name} ${type}`),
        blob:
          series === DAMAGED
            ? Buffer.of(255)
            : writeStored(familyOf(NAMES[name] as string, type, series, version)),
      })),
    }
  }
  const tell = (steps: readonly Step[]) => {
    const changes = steps.map((step) => {
      version++
      return changeOf(step)
    })
    view.applyPage({ partition: 0, epoch: 'e', wiped: 0, version, nowMs: 1_000, changes, done: true }, 0)
  }
  return { view, tell }
}

function familyOf(name: string, type: FamilyPlan[1], series: number, value: number): Family {
  const help = `of version ${value}`
  const labelsOf = (i: number) => [
    { name: 'instance', value: 'i' },
    { name: 'path', value: `/${i}` },
  ]
  const each = Array.from({ length: series }, (_, i) => labelsOf(i))
  if (type === 'histogram') {
    const metrics = each.map((labels) => ({ labels, buckets: [], count: value, sum: value }))
    return { name, type, help, unit: '', metrics }
  }
  return { name, type, help, unit: '', metrics: each.map((labels) => ({ labels, value })) }
}

function expositionOf(view: View): Exposition {
  return new Exposition(view, writer, { escaping: 'underscores', timestamps: false, nativeAsClassic: false })
}

interface Page {
  readonly text: string
  readonly series: number
}

async function pageOf(exposition: Exposition): Promise<Page> {
  const { chunks, series } = await exposition.render(false)
  return { text: Buffer.concat(chunks).toString(), series }
}

/** As nobody ever saw anything before. */
async function freshPageOf(view: View): Promise<Page> {
  const exposition = expositionOf(view)
  const page = await pageOf(exposition)
  exposition.close()
  return page
}

describe('a page that is rendered while things change', () => {
  it('shows one moment, whatever comes, goes and changes meanwhile', async () => {
    let slices = 0
    const steps = fc.array(step, { maxLength: 10 })
    const batches = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(steps, steps, batches, async (first, then, meanwhile) => {
        const { view, tell } = makeView()
        const old = expositionOf(view)
        tell(first)
        await pageOf(old)
        tell(then)
        const expected = await freshPageOf(view)
        const late = expositionOf(view)
        const pages: Page[] = []
        const rendered = [old, late].map(async (exposition) => pages.push(await pageOf(exposition)))
        for (const batch of meanwhile) {
          if (pages.length < 2) slices++
          tell(batch)
          await new Promise((resolve) => setImmediate(resolve))
        }
        await Promise.all(rendered)
        expect(pages).toEqual([expected, expected])
        const settled = await freshPageOf(view)
        expect([await pageOf(old), await pageOf(late)]).toEqual([settled, settled])
        old.close()
        late.close()
      }),
      { numRuns: 300, examples: [NAME_BECOMES_FREE] },
    )
    expect(slices).toBeGreaterThan(500)
  })

  it('leaves out what cannot be read, and no change that comes meanwhile', async () => {
    const { view, tell } = makeView()
    tell([
      { kind: 'push', unit: 0, families: [[0, 'gauge', 1]] },
      { kind: 'push', unit: 2, families: [[2, 'gauge', DAMAGED]] },
    ])
    const exposition = expositionOf(view)
    const rendered = pageOf(exposition)
    tell([{ kind: 'push', unit: 2, families: [[2, 'gauge', 2]] }])
    const { text } = await rendered
    expect(text).toMatch(/^a{/m)
    expect(text).not.toMatch(/^b{/m)
    const page = await pageOf(exposition)
    expect(page.text.match(/^b{/gm)).toHaveLength(2)
    expect(page).toEqual(await freshPageOf(view))
    exposition.close()
  })
})
