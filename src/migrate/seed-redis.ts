import { Redis } from 'ioredis'
import { UNLIMITED } from '../client/check.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { readerFor } from '../formats/index.ts'
import type { ExportedUnit, Lot } from '../formats/ndjson/index.ts'
import type { NumberMetric } from '../model/family.ts'
import { labelKey } from '../model/labels.ts'
import type { LeftOut, Piece, Source } from './source.ts'

export interface SeedRedisOptions {
  /** `redis://` or `rediss://`, with user, password and database where there are any. */
  readonly url: string
  /** Over that of the URL. */
  readonly password: string | undefined
  readonly timeoutMs: number
  readonly leftOut: LeftOut
}

/** What one SCAN looks at, and how many of them are pushed and noted together. */
const SCAN_COUNT = 1000
const SCANS_PER_PIECE = 20
/** A value is a blank and a number. */
const VALUE_BYTES = 64
/** No series is called so; whatever it is, it is none of ours to read. */
const LONGEST_KEY = 65_536
/** Series that expire within this time of each other go together. */
const LOT_MS = 1000

const text = readerFor('text/plain')

/**
 * What pushgatewayredis, the program this one replaces, keeps in Redis: a text for each series, under a key that is the line
 * it came in up to the last blank; the rest of the line is the value. It kept neither types nor help. Keys of others are
 * left alone. Throws PGR_SETTING_INVALID when the Redis cannot be used.
 */
export async function openSeedRedis({
  url,
  password,
  timeoutMs,
  leftOut,
}: SeedRedisOptions): Promise<Source> {
  const redis = connectTo(url, password, timeoutMs)
  const { host = '127.0.0.1', port = 6379, db = 0 } = redis.options
  const name = `redis://${host}:${port}/${db}`
  const asking = <T>(what: Promise<T>): Promise<T> =>
    what.catch((reason) => {
      throw unusable(name, reason)
    })
  try {
    await asking(redis.connect())
    const server = await asking(redis.info('server'))
    const total = await asking(redis.dbsize())
    const runId = /run_id:(\w+)/.exec(server)?.[1] ?? ''
    return {
      name,
      identity: `${name} ${runId}`,
      total,
      pieces: (done) => piecesOf(redis, done, asking, leftOut),
      close: async () => redis.disconnect(),
    }
  } catch (reason) {
    redis.disconnect()
    throw reason
  }
}

function connectTo(url: string, password: string | undefined, timeoutMs: number): Redis {
  const redis = new Redis(url, {
    ...(password === undefined ? {} : { password }),
    protocol: 2,
    lazyConnect: true,
    connectionName: 'pgr-import',
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    retryStrategy: () => null,
  })
  redis.on('error', () => undefined)
  return redis
}

type Asking = <T>(what: Promise<T>) => Promise<T>

/**
 * A cursor of SCAN says by itself where it stands, so that a later run of this program goes on from where an earlier one
 * came to; that is why the server has to be the same process still.
 */
async function* piecesOf(
  redis: Redis,
  done: ReadonlySet<string>,
  asking: Asking,
  leftOut: LeftOut,
): AsyncGenerator<Piece> {
  const ends = new Map([...done].map((key) => [key.split(' ')[0], key]))
  let from = '0'
  do {
    const known = ends.get(from)
    if (known !== undefined) {
      const [, to = '0', weight = '0'] = known.split(' ')
      yield { key: known, weight: Number(weight), units: [] }
      from = to
      continue
    }
    const round = new Round(leftOut)
    let cursor = from
    let weight = 0
    for (let scans = 0; scans < SCANS_PER_PIECE; scans++) {
      const [next, keys] = await asking(redis.scan(cursor, 'COUNT', SCAN_COUNT))
      weight += keys.length
      await asking(readKeys(redis, keys, round))
      cursor = next
      if (cursor === '0') break
    }
    yield { key: `${from} ${cursor} ${weight}`, weight, units: round.units() }
    from = cursor
  } while (from !== '0')
}

async function readKeys(redis: Redis, keys: readonly string[], round: Round): Promise<void> {
  if (keys.length === 0) return
  const pipeline = redis.pipeline()
  for (const key of keys) pipeline.getrange(key, 0, VALUE_BYTES).pttl(key)
  const replies = (await pipeline.exec()) ?? []
  for (const [i, key] of keys.entries()) {
    const [wrongType, value] = replies[2 * i] ?? []
    const [failure, ttlMs] = replies[2 * i + 1] ?? []
    if (failure) throw failure
    // What is no text is not ours.
    if (wrongType) round.foreign(key)
    else round.add(key, String(value), Number(ttlMs))
  }
}

interface SeedSample {
  readonly name: string
  readonly metric: NumberMetric
  /** 0 = never expires. */
  readonly ttlMs: number
}

/** The series of one piece. */
class Round {
  private readonly samples = new Map<string, SeedSample>()
  private readonly leftOut: LeftOut

  constructor(leftOut: LeftOut) {
    this.leftOut = leftOut
  }

  foreign(key: string): void {
    this.leftOut(`the key ${JSON.stringify(key.slice(0, 100))}`, 'it is no series of pushgatewayredis')
  }

  /** Of spellings of one series that differ in the order of labels, the one pushed last stays. */
  add(key: string, value: string, pttl: number): void {
    // It expired since the key was listed.
    if (pttl === -2) return
    const read = readLine(key, value)
    if (read === undefined) {
      this.foreign(key)
      return
    }
    const ttlMs = pttl === -1 ? 0 : Math.max(1, pttl)
    const identity = `${read.name}\u0000${labelKey(read.metric.labels)}`
    const known = this.samples.get(identity)
    if (known === undefined || isLater(ttlMs, known.ttlMs)) this.samples.set(identity, { ...read, ttlMs })
  }

  units(): ExportedUnit[] {
    const lots = new Map<string, { ttlMs: number; name: string; metrics: NumberMetric[] }>()
    for (const { name, metric, ttlMs } of this.samples.values()) {
      const lotMs = Math.ceil(ttlMs / LOT_MS) * LOT_MS
      const key = `${lotMs} ${name}`
      const lot = lots.get(key)
      if (lot === undefined) lots.set(key, { ttlMs: lotMs, name, metrics: [metric] })
      else lot.metrics.push(metric)
    }
    return [{ kind: 'set', labels: [], pushedMs: 0, lots: [...lots.values()].map(lotOf) }]
  }
}

function lotOf({ ttlMs, name, metrics }: { ttlMs: number; name: string; metrics: NumberMetric[] }): Lot {
  return { ttlMs, family: { name, type: 'unknown', help: '', unit: '', metrics } }
}

/** What lives longer was pushed later: all series got the same time to live. */
function isLater(ttlMs: number, thanMs: number): boolean {
  return thanMs !== 0 && (ttlMs === 0 || ttlMs > thanMs)
}

/** Key and value are one line, which had a timestamp if the key has a blank behind the series. */
function readLine(key: string, value: string): Omit<SeedSample, 'ttlMs'> | undefined {
  if (key.length > LONGEST_KEY || value.length > VALUE_BYTES || key.startsWith('#') || !/^ \S+$/.test(value))
    return undefined
  try {
    const [family] = text.read(Buffer.from(`${key}${value}\n`), UNLIMITED)
    const [metric] = family?.metrics ?? []
    return family === undefined ? undefined : { name: family.name, metric: metric as NumberMetric }
  } catch (reason) {
    if (reason instanceof PgrError) return undefined
    throw reason
  }
}

function unusable(name: string, reason: unknown): PgrError {
  const why = reason instanceof Error ? reason.message : String(reason)
  const code = /^(NOAUTH|WRONGPASS|NOPERM)/.test(why) ? 'PGR_UNAUTHORIZED' : 'PGR_IMPORT_INCOMPLETE'
  const remedy =
    code === 'PGR_UNAUTHORIZED'
      ? 'give the password in the URL or by PGR_SOURCE_PASSWORD'
      : 'run the same command again once it answers'
  return new PgrError(code, `the Redis at ${name} cannot be read (${why}); ${remedy}`, { cause: reason })
}
