import snappy from 'snappyjs'
import { PgrError } from '../errors/pgr-error.ts'
import { contentTypeOf, type RemoteWriteVersion, writeRemoteWrite } from '../formats/remote-write/index.ts'
import { type Family, type Metric, seriesOf } from '../model/family.ts'
import { type Labels, mergeLabels } from '../model/labels.ts'
import type { PushRequest } from './request.ts'
import { authorization, type Target } from './target.ts'

/** Families to be sent by remote write. */
export interface RemoteWriteOrder {
  readonly target: Target
  readonly version: RemoteWriteVersion
  readonly families: readonly Family[]
  /** Sorted; every series gets them, over its own. */
  readonly labels: Labels
  /** For samples without a timestamp. */
  readonly nowMs: number
  readonly ttl?: string
}

export interface RemoteWriteCounts {
  readonly samples: number
  readonly histograms: number
  readonly exemplars: number
}

const VERSION_HEADER: Record<RemoteWriteVersion, string> = { 1: '0.1.0', 2: '2.0.0' }

/** Builds the request, and tells what it carries. */
export function buildRemoteWrite({ target, version, families, labels, nowMs, ttl }: RemoteWriteOrder): {
  request: PushRequest
  carries: RemoteWriteCounts
  series: number
} {
  const labelled = families.map((family) => withLabels(family, labels))
  const { bytes, samples, histograms, exemplars } = writeRemoteWrite(labelled, version, { nowMs })
  const headers = new Map([
    ['Content-Type', contentTypeOf(version)],
    ['Content-Encoding', 'snappy'],
    ['X-Prometheus-Remote-Write-Version', VERSION_HEADER[version]],
  ])
  if (ttl !== undefined) headers.set('X-Pgr-TTL', ttl)
  if (target.credentials) headers.set('Authorization', authorization(target.credentials))
  return {
    request: {
      method: 'POST',
      url: `${target.base}/api/v1/write`,
      headers,
      body: snappy.compress(bytes),
    },
    carries: { samples, histograms, exemplars },
    series: families.reduce((sum, family) => sum + seriesOf(family), 0),
  }
}

function withLabels(family: Family, labels: Labels): Family {
  if (labels.length === 0) return family
  const metrics = (family.metrics as readonly Metric[]).map((metric) => ({
    ...metric,
    labels: mergeLabels(metric.labels, labels),
  }))
  return { ...family, metrics } as Family
}

const WRITTEN = {
  samples: 'x-prometheus-remote-write-samples-written',
  histograms: 'x-prometheus-remote-write-histograms-written',
  exemplars: 'x-prometheus-remote-write-exemplars-written',
} as const

/**
 * What the receiver says it wrote of a body of 2.0; undefined of 1.0, whose receivers do not say. Throws
 * PGR_PUSH_REFUSED when it wrote less than it was sent (Remote Write 2.0, Required Written Response Headers).
 */
export function readWritten(
  version: RemoteWriteVersion,
  carries: RemoteWriteCounts,
  headers: Headers,
): RemoteWriteCounts | undefined {
  if (version === 1) return undefined
  const written = {
    samples: countIn(headers, WRITTEN.samples),
    histograms: countIn(headers, WRITTEN.histograms),
    exemplars: countIn(headers, WRITTEN.exemplars),
  }
  const lacks = (['samples', 'histograms', 'exemplars'] as const).filter(
    (what) => written[what] < carries[what],
  )
  if (lacks.length === 0) return written
  if (!Object.values(WRITTEN).some((name) => headers.has(name))) {
    throw new PgrError(
      'PGR_PUSH_REFUSED',
      'the receiver accepted the request and does not say what it wrote, so that it took it for something else: ' +
        'it does not know remote write 2.0; send --remote-write-version=1.0',
    )
  }
  const said = lacks.map((what) => `${written[what]} of ${carries[what]} ${what}`).join(', ')
  throw new PgrError('PGR_PUSH_REFUSED', `the receiver wrote only ${said}; its log says why`)
}

function countIn(headers: Headers, name: string): number {
  const text = headers.get(name) ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}
