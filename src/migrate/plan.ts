import { compressBody } from '../client/body.ts'
import { buildRemoteWrite, readWritten } from '../client/remote-write.ts'
import type { PushRequest } from '../client/request.ts'
import type { Answer } from '../client/send.ts'
import { authorization, type Target } from '../client/target.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { ExportedUnit, Lot } from '../formats/ndjson/index.ts'
import { formatDuration } from '../model/duration.ts'
import type { Family, Metric } from '../model/family.ts'
import { writeGroupPath } from '../model/group-path.ts'
import { type Labels, NO_LABELS } from '../model/labels.ts'
import { type Carrier, carrierOf, writeBody } from './carrier.ts'

/** What receives. Pushgateway takes groups alone, in protobuf alone, and knows no lifetimes. */
export interface Receiver {
  readonly target: Target
  readonly kind: 'pgr' | 'pushgateway'
  /** Lifetime of everything in milliseconds (0 = never), that of the source, or that of the receiver. */
  readonly ttl: number | 'keep' | 'default'
}

/** A request of a unit, and how its answer is read. */
export interface PlannedPush {
  readonly request: PushRequest
  /** Throws PGR_PUSH_REFUSED for an answer that says that not all was taken. */
  check(answer: Answer): void
}

/**
 * The requests that push a unit, to be sent in this order. A group is one PUT; what lives for another time or has to go in
 * another format follows in POSTs. Throws PGR_PUSH_INVALID for what the receiver has no place for.
 */
export function planUnit(unit: ExportedUnit, receiver: Receiver, nowMs: number): PlannedPush[] {
  if (unit.kind === 'group') return planGroup(unit, receiver, nowMs)
  if (receiver.kind === 'pushgateway') throw invalid('Pushgateway has no series sets, only groups')
  return batchesOf(unit.lots, receiver, nowMs).map((batch) =>
    batch.carrier === 'remote-write'
      ? planRemoteWrite(batch, unit.labels, receiver, nowMs)
      : planBody(batch, { method: 'POST', path: '/ingest', labels: unit.labels }, receiver),
  )
}

function planGroup({ labels, lots }: ExportedUnit, receiver: Receiver, nowMs: number): PlannedPush[] {
  const path = writeGroupPath(labels)
  return batchesOf(lots, receiver, nowMs).map((batch, at) => {
    if (batch.carrier === 'remote-write')
      throw invalid(
        `no push into a group carries the ${batch.families[0]?.type} ${JSON.stringify(batch.families[0]?.name)} as it is`,
      )
    return planBody(batch, { method: at === 0 ? 'PUT' : 'POST', path, labels: NO_LABELS }, receiver)
  })
}

/** What goes in one request. */
interface Batch {
  readonly ttl: string | undefined
  readonly carrier: Carrier
  readonly families: readonly Family[]
}

/** Lots that live equally long and can go in one body go together. */
function batchesOf(lots: readonly Lot[], receiver: Receiver, nowMs: number): Batch[] {
  const batches = new Map<
    string,
    { ttl: string | undefined; carrier: Carrier; families: Map<string, Family> }
  >()
  for (const { ttlMs, family } of lots) {
    if (family.metrics.length === 0) continue
    const ttl = ttlFor(ttlMs, receiver)
    const carrier = receiver.kind === 'pgr' ? carrierOf(family) : 'protobuf'
    const key = `${ttl} ${carrier}`
    const batch = batches.get(key) ?? { ttl, carrier, families: new Map() }
    batches.set(key, batch)
    const known = batch.families.get(family.name)
    const livesMs = typeof receiver.ttl === 'number' ? receiver.ttl : ttlMs
    const fresh = withoutPastTimes(family, livesMs, nowMs)
    batch.families.set(family.name, known === undefined ? fresh : joined(known, fresh))
  }
  return [...batches.values()].map(({ families, ...batch }) => ({
    ...batch,
    families: [...families.values()],
  }))
}

function ttlFor(ttlMs: number, { kind, ttl }: Receiver): string | undefined {
  if (kind === 'pushgateway' || ttl === 'default') return undefined
  const ms = ttl === 'keep' ? ttlMs : ttl
  return ms === 0 ? '0' : formatDuration(ms)
}

/** A clock here may be this far from that of the receiver. */
const CLOCKS_APART_MS = 5000

/**
 * A receiver stores no sample that is older than its lifetime. One that still has some time left, counted from its push
 * and not from its timestamp, is sent without the timestamp.
 */
function withoutPastTimes(family: Family, livesMs: number, nowMs: number): Family {
  const metrics: readonly Metric[] = family.metrics
  const isPast = ({ timestampMs }: Metric): boolean =>
    timestampMs !== undefined && livesMs !== 0 && timestampMs + livesMs <= nowMs + CLOCKS_APART_MS
  if (!metrics.some(isPast)) return family
  const fresh = metrics.map((metric) => {
    if (!isPast(metric)) return metric
    const { timestampMs: _, ...rest } = metric
    return rest
  })
  return { ...family, metrics: fresh } as Family
}

function joined(known: Family, more: Family): Family {
  if (known.type !== more.type)
    throw invalid(`it has the family ${JSON.stringify(known.name)} as ${known.type} and as ${more.type}`)
  return { ...known, metrics: [...known.metrics, ...more.metrics] } as Family
}

interface Place {
  readonly method: 'PUT' | 'POST'
  readonly path: string
  readonly labels: Labels
}

function planBody({ ttl, carrier, families }: Batch, place: Place, { target }: Receiver): PlannedPush {
  const { contentType, body } = writeBody(families, carrier as Exclude<Carrier, 'remote-write'>, place.labels)
  const headers = new Map([['Content-Type', contentType]])
  if (ttl !== undefined) headers.set('X-Pgr-TTL', ttl)
  if (target.credentials) headers.set('Authorization', authorization(target.credentials))
  const compressed = compressBody(body)
  if (compressed) headers.set('Content-Encoding', 'gzip')
  const request = {
    method: place.method,
    url: `${target.base}${place.path}`,
    headers,
    body: compressed ?? body,
  }
  return { request, check() {} }
}

function planRemoteWrite(
  { ttl, families }: Batch,
  labels: Labels,
  { target }: Receiver,
  nowMs: number,
): PlannedPush {
  const { request, carries } = buildRemoteWrite({
    target,
    version: 2,
    families,
    labels,
    nowMs,
    ...(ttl === undefined ? {} : { ttl }),
  })
  return { request, check: ({ headers }) => void readWritten(2, carries, headers) }
}

function invalid(message: string): PgrError {
  return new PgrError('PGR_PUSH_INVALID', message)
}
