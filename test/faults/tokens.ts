/**
 * How a push carries its token, and how a page shows it again: the writer as a label and the number of the push as the
 * value, in every series of every family.
 */
export interface Token {
  readonly writer: number
  /** Grows with every token of one writer. */
  readonly seq: number
}

/** One group or set as a page shows it. */
export interface ShownUnit extends Token {
  /** Series that carry a token. */
  series: number
  /** Two of its series carry different tokens. */
  isMixed: boolean
}

export interface Page {
  /** By name of the unit, `<job>/<group or instance>`. */
  readonly units: ReadonlyMap<string, ShownUnit>
  /** Of those units whose pushes add up. */
  readonly sums: ReadonlyMap<string, number>
  /** `push_time_seconds` of the groups. */
  readonly pushTimes: ReadonlyMap<string, number>
  /** Of all kinds. */
  readonly series: number
}

const HISTOGRAM_SERIES = 4

/** How many series carry the token of a push of so many families; the last one is a histogram. */
export function seriesOf(families: number): number {
  return families - 1 + HISTOGRAM_SERIES
}

/** The text to push: `families - 1` gauges and a histogram. `labels`, such as `job="a",`, stand in every series. */
export function writeBody({ writer, seq }: Token, families: number, labels = ''): string {
  const own = `${labels}writer="${writer}"`
  let text = ''
  for (let n = 1; n < families; n++)
    text += `# TYPE fault_value_${n} gauge\nfault_value_${n}{${own}} ${seq}\n`
  return `${text}# TYPE fault_times histogram
fault_times_bucket{${own},le="1"} ${seq}
fault_times_bucket{${own},le="+Inf"} ${seq}
fault_times_sum{${own}} ${seq}
fault_times_count{${own}} ${seq}
`
}

/** Reads a page in text format 0.0.4. Unknown families count as series and are not looked at. */
export function readPage(text: string): Page {
  const units = new Map<string, ShownUnit>()
  const sums = new Map<string, number>()
  const pushTimes = new Map<string, number>()
  let series = 0
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at)
    const end = newline === -1 ? text.length : newline
    if (text[at] !== '#' && end > at) {
      series++
      readLine(text.slice(at, end))
    }
    at = end + 1
  }
  return { units, sums, pushTimes, series }

  function readLine(line: string): void {
    const isToken = line.startsWith('fault_')
    if (!isToken && !line.startsWith('push_time_seconds{')) return
    const name = `${labelOf(line, 'job="')}/${labelOf(line, 'group="') || labelOf(line, 'instance="')}`
    const value = Number(line.slice(line.lastIndexOf(' ') + 1))
    if (!isToken) pushTimes.set(name, value)
    else if (line.startsWith('fault_sum{')) sums.set(name, value)
    else show(name, Number(labelOf(line, 'writer="')), value)
  }

  function show(name: string, writer: number, seq: number): void {
    const unit = units.get(name)
    if (unit === undefined) {
      units.set(name, { writer, seq, series: 1, isMixed: false })
      return
    }
    unit.series++
    if (unit.writer !== writer || unit.seq !== seq) unit.isMixed = true
  }
}

/** Nothing the workload names holds a quote or a backslash. */
function labelOf(line: string, opening: string): string {
  const found = line.indexOf(opening)
  if (found === -1) return ''
  const start = found + opening.length
  return line.slice(start, line.indexOf('"', start))
}
