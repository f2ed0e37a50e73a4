import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** One fault that was tried, as a line of the report. */
export interface FaultRow {
  readonly id: string
  readonly name: string
  readonly acked: number
  /** Acknowledged, and found to be gone. */
  readonly lost: number
  /** Of those, what the gateways counted themselves. */
  readonly toldLost: number
  readonly resubmitted: number
  readonly unknown: number
  readonly longestErrorWindowMs: number
  /** From the repair. */
  readonly firstAckMs: number | undefined
  readonly violations: readonly string[]
}

const HEAD = [
  'case',
  'fault',
  'command',
  'acknowledged',
  'lost',
  'told',
  'written again',
  'errors for',
  'first ack',
  'verdict',
]

/** The Markdown table of a report: one row per case, its last one, in the order of their numbers. */
export function renderFaultTable(report: string): string {
  const rows = new Map<string, FaultRow>()
  for (const line of report.split('\n')) {
    if (line === '') continue
    const row: FaultRow = JSON.parse(line)
    rows.set(row.id, row)
  }
  const sorted = [...rows.values()].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }))
  const table = [
    HEAD,
    HEAD.map((_, n) => (n < 3 || n === HEAD.length - 1 ? '---' : '---:')),
    ...sorted.map(cellsOf),
  ]
  return table.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

function cellsOf(row: FaultRow): string[] {
  const { id, name, acked, lost, toldLost, resubmitted, longestErrorWindowMs, firstAckMs, violations } = row
  return [
    id,
    name.replaceAll('|', '\\|'),
    `\`npm run test:faults -- -t "${id}:"\``,
    acked.toLocaleString('en'),
    lost.toLocaleString('en'),
    toldLost.toLocaleString('en'),
    resubmitted.toLocaleString('en'),
    longestErrorWindowMs === 0 ? 'none' : seconds(longestErrorWindowMs),
    firstAckMs === undefined ? '' : seconds(firstAckMs),
    violations.length === 0
      ? 'holds'
      : violations.length === 1
        ? '1 violation'
        : `${violations.length} violations`,
  ]
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/** After a run with PGR_FAULTS_REPORT, the table of it stands beside the report, with `.md` at the end. */
export function teardown(): void {
  const { PGR_FAULTS_REPORT: report } = process.env
  if (report === undefined || report === '' || !existsSync(report)) return
  writeFileSync(`${report}.md`, renderFaultTable(readFileSync(report, 'utf8')))
}
