import { planOf, type UnitCosts } from '../../../examples/capacity/model.js'

/** docs/benchmarks/capacity.json: what was predicted of a small fleet, and what it was. */
export interface Comparison {
  readonly fleet: Readonly<Record<'pushes' | 'series' | 'scrapers' | 'interval', number>>
  readonly replicas: number
  readonly primaries: number
  readonly cores: number
  readonly senderCores: number
  readonly lines: readonly { readonly what: string; readonly predicted: number; readonly measured: number }[]
}

type Row = readonly (string | number)[]

function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

export function costsTable({ gatewayUs, gatewayThreadsUs, redisUs, bytes }: UnitCosts): string {
  const linear = ({ each, perSeries }: { each: number; perSeries: number }, unit: string) =>
    `${each} + ${perSeries} × series ${unit}`
  const push = (costs: UnitCosts['redisUs']) => linear(costs.push, 'µs')
  const change = (costs: UnitCosts['redisUs']) => linear(costs.change, 'µs')
  return table(
    ['of', "a gateway's thread", 'its other threads', 'Redis', 'bytes'],
    [
      [
        'a push',
        push(gatewayUs),
        push(gatewayThreadsUs),
        push(redisUs),
        `${linear(bytes.pushBody, 'in')}, ${linear(bytes.pushToRedis, 'to Redis')}`,
      ],
      [
        'reading a change, in each gateway',
        change(gatewayUs),
        change(gatewayThreadsUs),
        change(redisUs),
        linear(bytes.changeFromRedis, 'from Redis'),
      ],
      [
        'a look for changes',
        `${gatewayUs.poll} µs`,
        `${gatewayThreadsUs.poll} µs`,
        `${redisUs.poll} µs`,
        `${bytes.pollFromRedis} from Redis`,
      ],
      [
        'showing a changed series',
        `${gatewayUs.render.perSeries} µs`,
        `${gatewayThreadsUs.render.perSeries} µs`,
        '',
        '',
      ],
      [
        'a megabyte of the page in which something changed',
        `${gatewayUs.render.perMegabyte} µs`,
        `${gatewayThreadsUs.render.perMegabyte} µs`,
        '',
        '',
      ],
      [
        'a scrape, plain',
        `${gatewayUs.scrape.identity.each} + ${gatewayUs.scrape.identity.perMegabyte} × megabytes of page µs`,
        '',
        `${redisUs.poll} µs`,
        `${bytes.page.each} × groups + ${bytes.page.perSeries} × series out`,
      ],
      [
        'a scrape, compressed',
        `${gatewayUs.scrape.gzip.each} + ${gatewayUs.scrape.gzip.perMegabyte} × megabytes of page µs`,
        '',
        `${redisUs.poll} µs`,
        `${bytes.pageGzip.each} × groups + ${bytes.pageGzip.perSeries} × series out`,
      ],
      [
        'a sample of remote write',
        `${gatewayUs.remoteWriteSample} µs`,
        `${gatewayThreadsUs.remoteWriteSample} µs`,
        `${redisUs.remoteWriteSample} µs`,
        `${bytes.remoteWriteSampleToRedis} to Redis, ${bytes.remoteWriteSampleFromRedis} from it`,
      ],
      [
        'a point of OTLP',
        `${gatewayUs.otlpPoint} µs`,
        `${gatewayThreadsUs.otlpPoint} µs`,
        `${redisUs.otlpPoint} µs`,
        `${bytes.otlpPointToRedis} to Redis, ${bytes.otlpPointFromRedis} from it`,
      ],
    ],
  )
}

export function memoryTable({ bytes }: UnitCosts): string {
  const linear = ({ each, perSeries }: { each: number; perSeries: number }) =>
    `${each} × groups + ${perSeries} × series`
  return table(
    ['what', 'bytes'],
    [
      ["a gateway's view, on the heap", linear(bytes.viewHeap)],
      ["a gateway's view, outside of it", linear(bytes.viewBuffers)],
      ['a page in one format', linear(bytes.page)],
      ['the same compressed', linear(bytes.pageGzip)],
      ['Redis', `${linear(bytes.redisMemory)} + ${120 * bytes.redisMemoryPerPush} × pushes per second`],
    ],
  )
}

/** Sizes to begin with; the last is the worked example. */
const SIZES = [
  ['S', 100, 100_000, 2],
  ['M', 1000, 1_000_000, 10],
  ['L', 10_000, 10_000_000, 1000],
] as const

export function sizesTable(costs: UnitCosts): string {
  const number = (value: number) => Math.round(value).toLocaleString('en-US')
  const megabytes = (bytes: number) => `${number(bytes / 1e6)} MB`
  return table(
    [
      'size',
      'pushes/s',
      'series',
      'scrapers',
      'shards',
      'gateways',
      'of each',
      'Redis primaries',
      'of each',
      'page, compressed',
    ],
    SIZES.map(([size, pushes, series, scrapers]) => {
      const fleet = {
        pushes,
        series,
        scrapers,
        interval: 15,
        pushInterval: 15,
        pollInterval: 1,
        linkGbits: 10,
      }
      const plan = planOf(fleet, costs)
      if (plan === undefined) throw new Error(`size ${size} cannot be served`)
      const { shards, replicas, primaries, load } = plan
      return [
        size,
        number(pushes),
        number(series),
        number(scrapers),
        shards,
        shards * replicas,
        `${load.gatewayCores.toFixed(1)} cores, ${megabytes(load.gatewayMemoryBytes)}, ${load.gatewayGbits.toFixed(2)} Gbit/s`,
        shards * primaries,
        `${load.busy.redis.toFixed(2)} cores, ${megabytes(load.redisMemoryBytes)}`,
        `${(load.shape.gzipBytes / 1e6).toFixed(1)} MB`,
      ]
    }),
  )
}

export function comparisonTable({ lines }: Comparison): string {
  return table(
    ['', 'predicted', 'measured'],
    lines.map(({ what, predicted, measured }) => [what, predicted, measured]),
  )
}
