import { it } from 'vitest'
import { reader, writer } from '../../src/formats/prometheus-text/index.ts'

// Prints how fast text is read and written.

const limits = {
  labelsPerSeries: 64,
  nameLength: 256,
  valueLength: 4096,
  seriesPerPush: 10_000_000,
}
const options = { limits, utf8Names: false }

/** Families of 100 series with three labels of their own, about 100 bytes a line. */
function manySeries(series: number): string {
  const lines: string[] = []
  for (let at = 0; at < series; at++) {
    const family = Math.floor(at / 100)
    if (at % 100 === 0)
      lines.push(
        `# HELP http_requests_${family}_total Requests.\n# TYPE http_requests_${family}_total counter`,
      )
    const code = 200 + (at % 5)
    lines.push(
      `http_requests_${family}_total{code="${code}",handler="/api/v1/thing/${at % 100}",method="post"} ${at * 7919}.25`,
    )
  }
  return `${lines.join('\n')}\n`
}

function manyBuckets(histograms: number): string {
  const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, '+Inf']
  let text = '# TYPE latency_seconds histogram\n'
  for (let at = 0; at < histograms; at++) {
    const labels = `handler="/api/v1/thing/${at}",method="post"`
    bounds.forEach((le, index) => {
      text += `latency_seconds_bucket{${labels},le="${le}"} ${at + index * 10}\n`
    })
    text += `latency_seconds_sum{${labels}} ${at * 1.5}\nlatency_seconds_count{${labels}} ${at + 110}\n`
  }
  return text
}

const threeSeries =
  '# TYPE backup_duration_seconds gauge\nbackup_duration_seconds 12.75\n' +
  '# TYPE backup_last_success_timestamp_seconds gauge\nbackup_last_success_timestamp_seconds 1.7560473e+09\n' +
  '# TYPE backup_bytes_total counter\nbackup_bytes_total{disk="sda"} 123456789\n'

/** Best time of several rounds: what the machine can do when nothing else runs. */
function bestSeconds(rounds: number, work: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    work()
    best = Math.min(best, (performance.now() - start) / 1000)
  }
  return best
}

function print(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(44)} ${figure}\n`)
}

function benchBody(what: string, text: string, series: number): void {
  const body = Buffer.from(text)
  const read = bestSeconds(15, () => void reader.read(body, options))
  print(
    `read ${what} (${Math.round(body.length / series)} B each)`,
    `${(series / read / 1e6).toFixed(2)} M series/s`,
  )
  const families = reader.read(body, options)
  const common = [
    { name: 'instance', value: '' },
    { name: 'job', value: 'bench' },
  ]
  const write = bestSeconds(15, () => {
    for (const family of families)
      writer.block(family, common, { escaping: 'underscores', timestamps: false })
  })
  print(`write ${what}`, `${(series / write / 1e6).toFixed(2)} M series/s`)
}

it('reads and writes text', () => {
  benchBody('100k plain series', manySeries(100_000), 100_000)
  benchBody('100k plain series beyond ASCII', manySeries(100_000).replaceAll('thing', 'ding/ü'), 100_000)
  benchBody('98k series of histograms', manyBuckets(7000), 98_000)
  const small = Buffer.from(threeSeries)
  const pushes = 20_000
  const push = bestSeconds(10, () => {
    for (let at = 0; at < pushes; at++) reader.read(small, options)
  })
  print('read a push of 3 series', `${((push / pushes) * 1e6).toFixed(2)} us`)
})
