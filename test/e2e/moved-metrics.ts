import { Agent } from 'node:http'
import { encodeDelimited, PROTOBUF_TYPE } from '../support/prometheus-protobuf.ts'
import { ask } from './ask.ts'

/** Groups of a hundred series each: all types of the text format, help, odd labels and values. */
export const GROUPS = 1000
export const SERIES_PER_GROUP = 100

const ODD_VALUES = ['NaN', '+Inf', '-Inf', '1e-320', '1.7976931348623157e+308', '-0.1', '123456789.125']
const ODD_LABELS = ['', 'a/b', 'é日本😀', 'say \\"hi\\"', 'back\\\\slash', 'two\\nlines', ' ', '..']

/** One push: 40 counters, 23 gauges, 11 untyped, 2 histograms of 8 series and 2 summaries of 5. */
function bodyOf(group: number): string {
  const lines = ['# HELP m_requests_total Requests \\\\ and\\nso on.', '# TYPE m_requests_total counter']
  for (let i = 0; i < 40; i++) lines.push(`m_requests_total{code="${200 + i}"} ${group * 1000 + i * 0.125}`)
  lines.push('# TYPE m_level gauge')
  for (let i = 0; i < 23; i++) {
    const value = ODD_VALUES[(group + i) % ODD_VALUES.length]
    lines.push(`m_level{odd="${ODD_LABELS[i % ODD_LABELS.length]}",i="${i}"} ${value}`)
  }
  for (let i = 0; i < 11; i++) lines.push(`m_loose_${i} ${group + i / 3}`)
  lines.push('# HELP m_seconds How long.', '# TYPE m_seconds histogram')
  for (const path of ['/a', '/b']) {
    for (const [i, le] of ['0.005', '0.1', '1', '2.5', '10', '+Inf'].entries())
      lines.push(`m_seconds_bucket{path="${path}",le="${le}"} ${(i + 1) * group}`)
    lines.push(`m_seconds_sum{path="${path}"} ${group * 0.1}`, `m_seconds_count{path="${path}"} ${6 * group}`)
  }
  lines.push('# TYPE m_size summary')
  for (const path of ['/a', '/b']) {
    for (const quantile of ['0', '0.5', '0.99'])
      lines.push(`m_size{path="${path}",quantile="${quantile}"} ${group === 7 ? 'NaN' : group / 7}`)
    lines.push(`m_size_sum{path="${path}"} ${group}`, `m_size_count{path="${path}"} ${group}`)
  }
  return `${lines.join('\n')}\n`
}

function pathOf(group: number): string {
  const odd = ['plain', 'a/b', '', 'ü x', '..'][group % 5] ?? ''
  return `/metrics/job/job-${group % 50}/number/${group}/odd@base64/${Buffer.from(odd).toString('base64url') || '='}`
}

/** Fills a gateway with all groups, some pushes at a time. */
export async function pushGroups(url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  let next = 0
  const pusher = async (): Promise<void> => {
    for (let group = next++; group < GROUPS; group = next++) {
      const { status, text } = await ask(url, pathOf(group), { method: 'PUT', body: bodyOf(group), agent })
      if (status !== 200 && status !== 202)
        throw new Error(`${pathOf(group)} was answered ${status}: ${text}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, pusher))
  agent.destroy()
}

const timestamp = { seconds: 1_700_000_000, nanos: 250_000_000 }
const exemplar = { label: [{ name: 'trace', value: 'x' }], value: 0.5, timestamp }

/** What only protobuf has: exemplars, start times, native histograms. */
export const DETAILED = encodeDelimited(
  {
    name: 'm_detailed_total',
    help: 'h',
    type: 0,
    metric: [{ counter: { value: 3, exemplar, startTimestamp: timestamp } }],
  },
  {
    name: 'm_native',
    help: '',
    type: 4,
    metric: [
      {
        label: [{ name: 'a', value: 'b' }],
        histogram: {
          sampleCount: 6,
          sampleSum: 2.5,
          schema: 3,
          zeroThreshold: 1e-128,
          zeroCount: 1,
          positiveSpan: [
            { offset: -1, length: 2 },
            { offset: 3, length: 1 },
          ],
          positiveDelta: [1, 1, -1],
          negativeSpan: [{ offset: 0, length: 1 }],
          negativeDelta: [1],
        },
      },
    ],
  },
)

export async function pushDetailed(url: string): Promise<void> {
  const { status, text } = await ask(url, '/metrics/job/detailed', {
    method: 'PUT',
    body: DETAILED,
    headers: { 'content-type': PROTOBUF_TYPE },
  })
  if (status !== 200 && status !== 202) throw new Error(`protobuf was answered ${status}: ${text}`)
}

/** Types, help and samples that were pushed here, in an order of its own: that of a page is the gateway's. */
export async function shownMetrics(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const { status, text } = await ask(url, '/metrics', { headers })
  if (status !== 200) throw new Error(`the page was answered ${status}: ${text}`)
  return text
    .split('\n')
    .filter((line) => /^(?:# (?:HELP|TYPE|UNIT) )?m_/.test(line))
    .sort()
}
