import { encodeRequest } from '../../support/otlp.ts'
import { encodeRemoteWrite } from '../../support/remote-write.ts'

/** Bodies that are read alone, and how many series, samples or points they hold together. */
export interface Bodies {
  readonly bodies: readonly Uint8Array[]
  readonly units: number
}

const REMOTE_WRITE_SERIES = 2000
const OTLP_POINTS = 1000
const TIME_MS = 1_764_000_000_000

/** Ten labels of about 150 bytes, as a Kubernetes scrape has them. */
function remoteLabels(at: number): [string, string][] {
  return [
    ['__name__', 'http_requests_total'],
    ['code', String(200 + (at % 5))],
    ['container', 'api'],
    ['endpoint', 'http'],
    ['handler', `/v1/thing/${at}`],
    ['instance', `10.0.${at % 7}.${at % 250}:8080`],
    ['job', 'api'],
    ['method', 'post'],
    ['namespace', 'shop'],
    ['pod', `api-7d9c-${at % 100}`],
  ]
}

export function remoteWriteBodies(version: 1 | 2): Bodies {
  const symbols = ['']
  const refOf = new Map([['', 0]])
  const ref = (text: string) => {
    const known = refOf.get(text)
    if (known !== undefined) return known
    refOf.set(text, symbols.length)
    return symbols.push(text) - 1
  }
  const timeseries = Array.from({ length: REMOTE_WRITE_SERIES }, (_, at) => {
    const labels = remoteLabels(at)
    const samples = [{ value: at * 1.25, timestamp: TIME_MS }]
    if (version === 1) return { labels: labels.map(([name, value]) => ({ name, value })), samples }
    const metadata = { type: 1, helpRef: ref('Requests by code.'), unitRef: 0 }
    return { labelsRefs: labels.flatMap(([name, value]) => [ref(name), ref(value)]), samples, metadata }
  })
  const body = encodeRemoteWrite(version, version === 1 ? { timeseries } : { symbols, timeseries })
  return { bodies: [body], units: REMOTE_WRITE_SERIES }
}

/** Sums with six attributes, the series of each request its own. */
export function sumBodies(requests: number, encoding: 'protobuf' | 'json'): Bodies {
  const messages = Array.from({ length: requests }, (_, request) => sums(request))
  const encode = encoding === 'json' ? (each: object) => Buffer.from(JSON.stringify(each)) : encodeRequest
  return { bodies: messages.map(encode), units: requests * OTLP_POINTS }
}

function sums(request: number): object {
  const metrics = Array.from({ length: 10 }, (_, metric) => ({
    name: `http.server.requests.${metric}`,
    description: 'Requests.',
    unit: '{request}',
    sum: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: Array.from({ length: OTLP_POINTS / 10 }, (_, point) => ({
        startTimeUnixNano: '1700000000000000000',
        timeUnixNano: '1700000015000000000',
        asInt: String(point * 7919),
        attributes: [
          attribute('http.request.method', 'GET'),
          attribute('http.route', `/api/v1/thing/${point}/${request}`),
          attribute('http.response.status_code', String(200 + (point % 5))),
          attribute('url.scheme', 'https'),
          attribute('server.address', 'shop.example.com'),
          attribute('network.protocol.version', '1.1'),
        ],
      })),
    },
  }))
  return requestOf('shop', metrics)
}

/** Exponential ones, of 160 buckets. */
export function histogramBodies(): Bodies {
  const dataPoints = Array.from({ length: OTLP_POINTS }, (_, point) => ({
    startTimeUnixNano: '1700000000000000000',
    timeUnixNano: '1700000015000000000',
    count: '160',
    sum: 12.5,
    scale: 20,
    positive: { offset: point * 3, bucketCounts: Array.from({ length: 160 }, () => '1') },
    attributes: [attribute('http.route', `/api/v1/thing/${point}`)],
  }))
  const exponentialHistogram = { aggregationTemporality: 2, dataPoints }
  const request = requestOf('shop', [{ name: 'http.server.duration', unit: 's', exponentialHistogram }])
  return { bodies: [encodeRequest(request)], units: OTLP_POINTS }
}

function requestOf(service: string, metrics: readonly object[]): object {
  const resource = {
    attributes: [
      attribute('service.name', service),
      attribute('service.namespace', 'web'),
      attribute('service.instance.id', 'a1'),
      attribute('host.name', 'node-7'),
    ],
  }
  return { resourceMetrics: [{ resource, scopeMetrics: [{ scope: { name: 'http' }, metrics }] }] }
}

function attribute(key: string, stringValue: string) {
  return { key, value: { stringValue } }
}

/** Families of a hundred series with three labels of their own, about 100 bytes a line. */
export function plainSeries(series: number, word = 'thing'): Bodies {
  const lines: string[] = []
  for (let at = 0; at < series; at++) {
    const family = Math.floor(at / 100)
    if (at % 100 === 0)
      lines.push(
        `# HELP http_requests_${family}_total Requests.\n# TYPE http_requests_${family}_total counter`,
      )
    const labels = `code="${200 + (at % 5)}",handler="/api/v1/${word}/${at % 100}",method="post"`
    lines.push(`http_requests_${family}_total{${labels}} ${at * 7919}.25`)
  }
  return { bodies: [Buffer.from(`${lines.join('\n')}\n`)], units: series }
}

export function bucketSeries(histograms: number): Bodies {
  const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, '+Inf']
  let text = '# TYPE latency_seconds histogram\n'
  for (let at = 0; at < histograms; at++) {
    const labels = `handler="/api/v1/thing/${at}",method="post"`
    for (const [index, le] of bounds.entries())
      text += `latency_seconds_bucket{${labels},le="${le}"} ${at + index * 10}\n`
    text += `latency_seconds_sum{${labels}} ${at * 1.5}\nlatency_seconds_count{${labels}} ${at + 110}\n`
  }
  return { bodies: [Buffer.from(text)], units: histograms * (bounds.length + 2) }
}

/** The push of three series that the rate of pushes is measured with, as 3 series. */
export function smallPush(): Bodies {
  const text =
    '# TYPE backup_duration_seconds gauge\nbackup_duration_seconds 12.75\n' +
    '# TYPE backup_last_success_timestamp_seconds gauge\nbackup_last_success_timestamp_seconds 1.7560473e+09\n' +
    '# TYPE backup_bytes_total counter\nbackup_bytes_total{disk="sda"} 123456789\n'
  return { bodies: [Buffer.from(text)], units: 3 }
}
