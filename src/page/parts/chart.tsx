import { useEffect, useRef } from 'preact/hooks'
import type { Rates } from '../state/rates.ts'
import { paletteChanges } from '../state/theme.ts'
import { showRate } from './format.ts'

type Uplot = import('uplot')

const HEIGHT = 180
const SHORTEST_SECONDS = 60

/** Colours there are for lines; the style sheet has as many. */
export const SERIES_COLOURS = 8

interface ChartProps {
  /** What a screen reader is told; the numbers stand in a table beside the chart. */
  readonly title: string
  readonly rates: Rates
}

/** Lines of what was counted per second. Drawn once the library has been loaded. */
export function RateChart({ title, rates }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<Uplot>(undefined)
  const latest = useRef(rates)
  latest.current = rates
  const names = [...rates.perSecond.keys()].join('\n')
  const palette = paletteChanges.value

  useEffect(() => {
    const element = box.current
    if (element === null) return
    let stopped = false
    const resize = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT })
    })
    void import('./uplot.ts').then(({ Plot }) => {
      if (stopped) return
      plot.current = new Plot(
        optionsOf(element, [...latest.current.perSecond.keys()]),
        dataOf(latest.current),
        element,
      )
      // A canvas says nothing to a screen reader, and the box around it says what it is.
      resize.observe(element)
    })
    return () => {
      stopped = true
      resize.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [names, palette])
  useEffect(() => {
    plot.current?.setData(dataOf(rates))
  }, [rates])

  return <div class="chart" ref={box} role="img" aria-label={title} />
}

function dataOf({ seconds, perSecond }: Rates): import('uplot').AlignedData {
  // Without any instant the axis would begin in 1970.
  if (seconds.length === 0) return [[Date.now() / 1000], ...[...perSecond.values()].map(() => [null])]
  return [seconds as number[], ...([...perSecond.values()] as number[][])]
}

function optionsOf(element: HTMLElement, names: readonly string[]): import('uplot').Options {
  const text = colourOf(element, '--muted')
  const grid = { stroke: colourOf(element, '--line'), width: 1 }
  const font = '12px system-ui, sans-serif'
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: {
      // From the right, as time goes; a minute at least, so that the first points are not torn apart.
      x: { range: (_plot, min, max) => spanOf(min, max) },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      {
        stroke: text,
        font,
        grid: { show: false },
        ticks: grid,
        space: 70,
        values: (_plot, ticks) => ticks.map(clock),
      },
      {
        stroke: text,
        font,
        grid,
        ticks: { show: false },
        size: 48,
        values: (_plot, ticks) => ticks.map(showRate),
      },
    ],
    series: [
      {},
      ...names.map((label, n) => ({
        label,
        stroke: colourOf(element, `--series-${n % SERIES_COLOURS}`),
        width: 2,
        points: { show: false },
      })),
    ],
  }
}

function spanOf(min: number | null, max: number | null): [number, number] {
  const end = max ?? Date.now() / 1000
  return [Math.min(min ?? end, end - SHORTEST_SECONDS), end]
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB')
}

/** The style sheet's colour as a canvas understands it. */
function colourOf(element: HTMLElement, name: string): string {
  const before = element.style.color
  element.style.color = `var(${name})`
  const { color } = getComputedStyle(element)
  element.style.color = before
  return color
}
