import { type Bucket, quantileOf, showBound } from './buckets.ts'
import { Scroller } from './cells.tsx'
import { countOf, showCount, showShare } from './format.ts'

const WIDTH = 720
const HEIGHT = 170
const TOP = 18
const FOOT = 22
const WIDEST = 64
/** Of a column's width. */
const GAP = 0.5

interface HistogramProps {
  readonly buckets: readonly Bucket[]
  readonly count: string | undefined
  readonly sum: string | undefined
  /** What is drawn, for who does not see it. */
  readonly title: string
}

/** Observations by bucket: drawn, and as a table. */
export function Histogram({ buckets, count, sum, title }: HistogramProps) {
  const all = buckets.reduce((total, bucket) => total + bucket.count, 0)
  return (
    <div class="histogram">
      <dl class="facts inline">
        <Fact name="count" value={count} />
        <Fact name="sum" value={sum} />
        <Fact name="mean" value={meanOf(count, sum)} />
        {[0.5, 0.9, 0.99].map((share) => (
          <Fact key={share} name={`p${100 * share}`} value={estimate(buckets, share)} />
        ))}
      </dl>
      {all > 0 ? (
        <>
          <Columns buckets={buckets} title={`${title}: ${summaryOf(buckets, all)}`} />
          <details class="sub">
            <summary>Buckets as a table ({buckets.length})</summary>
            <BucketTable buckets={buckets} all={all} title={title} />
          </details>
        </>
      ) : (
        <p class="muted">No observations.</p>
      )}
    </div>
  )
}

function Fact({ name, value }: { name: string; value: string | undefined }) {
  if (value === undefined) return null
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

function Columns({ buckets, title }: { buckets: readonly Bucket[]; title: string }) {
  const most = Math.max(...buckets.map(({ count }) => count))
  const places = placesOf(buckets)
  const slots = (places.at(-1) ?? 0) + 1
  const slot = Math.min(WIDEST, WIDTH / slots)
  const width = slot * slots
  const floor = HEIGHT - FOOT
  return (
    <Scroller label={title}>
      <svg
        class="columns"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={title}
        preserveAspectRatio="xMinYMid meet"
      >
        <line x1={0} x2={width} y1={TOP} y2={TOP} class="grid" />
        <text x={0} y={TOP - 6}>
          {showCount(most)}
        </text>
        {buckets.map(({ lower, upper, count }, n) => {
          const height = (count / most) * (floor - TOP)
          const drawn = count > 0 ? Math.max(1.5, height) : 0
          return (
            <rect
              key={upper}
              x={(places[n] ?? 0) * slot + Math.min(2, slot * 0.1)}
              y={floor - drawn}
              width={slot - 2 * Math.min(2, slot * 0.1)}
              height={drawn}
            >
              <title>{`${showBound(lower)} to ${showBound(upper)}: ${showCount(count)}`}</title>
            </rect>
          )
        })}
        <line x1={0} x2={width} y1={floor} y2={floor} class="axis" />
        {ticksOf(buckets, places, slot).map(({ x, text, anchor }) => (
          <text key={x} x={x} y={HEIGHT - 5} text-anchor={anchor}>
            {text}
          </text>
        ))}
      </svg>
    </Scroller>
  )
}

/** Where each bucket stands, in columns; a gap in the list is a gap in the drawing. */
function placesOf(buckets: readonly Bucket[]): number[] {
  let at = -1
  return buckets.map(({ afterGap }) => {
    at += afterGap ? 1 + GAP : 1
    return at
  })
}

/** Room that one bound takes below the axis. */
const TICK = 64

function ticksOf(buckets: readonly Bucket[], places: readonly number[], slot: number) {
  const ticks: { x: number; text: string; anchor: 'start' | 'middle' | 'end' }[] = []
  let free = -Infinity
  const last = buckets.length - 1
  const end = ((places[last] ?? 0) + 1) * slot
  for (const [n, { lower, upper, afterGap, isZero }] of buckets.entries()) {
    const from = (places[n] ?? 0) * slot
    if (isZero) {
      ticks.push({ x: from + slot / 2, text: '0', anchor: 'middle' })
      free = from + slot / 2 + TICK / 2
      continue
    }
    if ((n === 0 || afterGap) && from >= free && from <= end - TICK) {
      ticks.push({ x: from, text: showBound(lower), anchor: n === 0 ? 'start' : 'middle' })
      free = from + TICK
    }
    const to = from + slot
    if (n === last)
      ticks.push({ x: to, text: showBound(upper), anchor: to > WIDTH - TICK ? 'end' : 'middle' })
    else if (to >= free && to <= end - TICK) {
      ticks.push({ x: to, text: showBound(upper), anchor: 'middle' })
      free = to + TICK
    }
  }
  return ticks
}

function BucketTable({ buckets, all, title }: { buckets: readonly Bucket[]; all: number; title: string }) {
  return (
    <Scroller label={`Buckets of ${title}`} isLow>
      <table class="narrow">
        <thead>
          <tr>
            <th scope="col" class="number">
              above
            </th>
            <th scope="col" class="number">
              up to
            </th>
            <th scope="col" class="number">
              count
            </th>
            <th scope="col" class="number">
              share
            </th>
          </tr>
        </thead>
        <tbody>
          {buckets.map(({ lower, upper, count }) => (
            <tr key={upper}>
              <td class="number">{lower}</td>
              <td class="number">{upper}</td>
              <td class="number">{showCount(count)}</td>
              <td class="number">{showShare(count, all)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  )
}

function summaryOf(buckets: readonly Bucket[], all: number): string {
  const fullest = buckets.reduce((a, b) => (b.count > a.count ? b : a))
  return `${countOf(all, 'observation')}, most of them from ${showBound(fullest.lower)} to ${showBound(fullest.upper)}`
}

function meanOf(count: string | undefined, sum: string | undefined): string | undefined {
  const mean = Number(sum) / Number(count)
  return Number.isFinite(mean) ? String(Number(mean.toPrecision(4))) : undefined
}

function estimate(buckets: readonly Bucket[], share: number): string | undefined {
  const value = quantileOf(buckets, share)
  return value === undefined ? undefined : `≈ ${Number(value.toPrecision(3))}`
}
