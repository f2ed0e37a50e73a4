/** A value that was measured, with how far rounds lay apart. */
export interface Point {
  readonly x: number
  readonly y: number
  readonly min: number
  readonly max: number
}

interface Line {
  readonly name: string
  /** Lines of one colour belong together. */
  readonly colour: 0 | 1 | 2 | 3
  readonly isDashed?: boolean
  readonly points: readonly Point[]
}

/** Places of an axis: values that are named, in ascending order. */
interface Axis {
  readonly title: string
  readonly ticks: readonly { readonly value: number; readonly text: string }[]
  /** `places` puts ticks at equal distances, whatever their values, and takes no others. */
  readonly scale: 'log' | 'linear' | 'places'
}

export interface Plot {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly lines: readonly Line[]
}

const WIDTH = 720
const LEFT = 90
const RIGHT = 40
const TOP = 44
const PLOT_HEIGHT = 300
const LEGEND_LINE = 20

/** Colours that colour-blind people tell apart, after Okabe and Ito; the background comes with the picture. */
const STYLE = `
svg { font: 13px system-ui, sans-serif; }
${theme({ paper: '#ffffff', ink: '#24292f', rule: '#d8dee4', lines: ['#0072b2', '#d55e00', '#008060', '#aa4499'] })}
@media (prefers-color-scheme: dark) {
${theme({ paper: '#161b22', ink: '#e6edf3', rule: '#373e47', lines: ['#56b4e9', '#e69f00', '#2fcf9f', '#dd88cc'] })}
}
.title { font-size: 15px; font-weight: 600; }
.line { fill: none; stroke-width: 2; }
.dashed { stroke-dasharray: 7 4; }
`

function theme(colours: { paper: string; ink: string; rule: string; lines: readonly string[] }): string {
  const { paper, ink, rule, lines } = colours
  return [
    `.paper { fill: ${paper}; stroke: ${rule}; }`,
    `text { fill: ${ink}; }`,
    `.rule { stroke: ${rule}; }`,
    `.hollow { fill: ${paper}; }`,
    ...lines.flatMap((colour, n) => [`.c${n} { stroke: ${colour}; }`, `.full.c${n} { fill: ${colour}; }`]),
  ].join('\n')
}

/** A picture of lines through points, each with its spread; the same bytes for the same plot. */
export function drawPlot({ title, x, y, lines }: Plot): string {
  const legendTop = TOP + PLOT_HEIGHT + 60
  const height = legendTop + Math.ceil(lines.length / 2) * LEGEND_LINE
  const across = placing(x, LEFT, WIDTH - RIGHT)
  const up = placing(y, TOP + PLOT_HEIGHT, TOP)
  const columns = x.ticks.map(({ value, text }) => {
    const at = round(across(value))
    return `<path class="rule" d="M${at} ${TOP}V${TOP + PLOT_HEIGHT}"/><text x="${at}" y="${TOP + PLOT_HEIGHT + 18}" text-anchor="middle">${escaped(text)}</text>`
  })
  const rows = y.ticks.map(({ value, text }) => {
    const at = round(up(value))
    return `<path class="rule" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${escaped(text)}</text>`
  })
  const middle = TOP + PLOT_HEIGHT / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="paper" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    `<text class="title" x="${WIDTH / 2}" y="26" text-anchor="middle">${escaped(title)}</text>`,
    ...columns,
    ...rows,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${TOP + PLOT_HEIGHT + 40}" text-anchor="middle">${escaped(x.title)}</text>`,
    `<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">${escaped(y.title)}</text>`,
    ...lines.flatMap((line) => drawLine(line, across, up)),
    ...lines.map((line, n) => drawLegend(line, n, legendTop)),
    '</svg>',
    '',
  ].join('\n')
}

function drawLine(
  { points, colour, isDashed }: Line,
  across: (value: number) => number,
  up: (value: number) => number,
): string[] {
  const path = points.map((point) => `${round(across(point.x))} ${round(up(point.y))}`).join('L')
  return [
    `<path class="line${isDashed ? ' dashed' : ''} c${colour}" d="M${path}"/>`,
    ...points.flatMap((point) => {
      const at = round(across(point.x))
      return [
        `<path class="c${colour}" d="M${at} ${round(up(point.min))}V${round(up(point.max))}"/>`,
        `<circle class="${isDashed ? 'hollow' : 'full'} c${colour}" cx="${at}" cy="${round(up(point.y))}" r="3.5" stroke-width="2"/>`,
      ]
    }),
  ]
}

function drawLegend({ name, colour, isDashed }: Line, n: number, top: number): string {
  const left = LEFT + (n % 2) * ((WIDTH - LEFT) / 2)
  const at = top + Math.floor(n / 2) * LEGEND_LINE
  return (
    `<path class="line${isDashed ? ' dashed' : ''} c${colour}" d="M${left} ${at}h30"/>` +
    `<text x="${left + 38}" y="${at + 4}">${escaped(name)}</text>`
  )
}

/** Where a value stands between two ends, that of the first tick and that of the last. */
function placing({ scale, ticks }: Axis, from: number, to: number): (value: number) => number {
  if (scale === 'places') {
    const step = (to - from) / ticks.length
    return (value) => from + step * (ticks.findIndex((tick) => tick.value === value) + 0.5)
  }
  const lowest = ticks[0]?.value ?? 1
  // What was too little to be seen stands at the bottom.
  const shape = (value: number) => (scale === 'log' ? Math.log(Math.max(value, lowest)) : value)
  const [first, last] = [shape(lowest), shape(ticks.at(-1)?.value ?? 1)]
  return (value) => from + ((shape(value) - first) / (last - first)) * (to - from)
}

/** Powers of ten around all values that are more than nothing. */
export function powersOfTen(values: readonly number[]): Axis['ticks'] {
  const seen = values.filter((value) => value > 0)
  const lowest = Math.floor(Math.log10(Math.min(...seen)))
  const highest = Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(...seen))))
  return Array.from({ length: highest - lowest + 1 }, (_, n) => {
    const value = Number(`1e${lowest + n}`)
    return { value, text: value.toLocaleString('en', { maximumFractionDigits: 9 }) }
  })
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
