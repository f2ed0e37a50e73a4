import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  OtlpReader,
  PROMETHEUS_TRANSLATION,
  type TranslatedFamily,
  type TranslationOptions,
  type TranslationStrategy,
} from '../../../../src/formats/otlp/index.ts'
import type { Exemplar, Metric, NativeBuckets } from '../../../../src/model/family.ts'
import type { Labels } from '../../../../src/model/labels.ts'
import { formatGoF } from '../../../../src/model/number.ts'
import { encodeRequest, type OtlpJson } from '../../../support/otlp.ts'
import { LIMITS } from './limits.ts'

interface Native {
  readonly schema: number
  readonly zeroThreshold: string
  readonly zeroCount: number
  readonly count: number
  readonly sum: string
  readonly positive: Record<string, number>
  readonly negative: Record<string, number>
}

interface Sample {
  readonly labels: Record<string, string>
  readonly timeMs: number
  readonly startMs?: number
  readonly value: string
  readonly type: string
  readonly help?: string
  readonly unit?: string
  readonly exemplars?: { labels: Record<string, string>; value: string; timeMs: number }[]
  readonly native?: Native
}

interface Case {
  readonly name: string
  readonly options: {
    strategy: TranslationStrategy
    keepsUnderscores: boolean
    keysUnderscore: boolean
    promotes: string[]
    isAllBut: boolean
    promotesScope: boolean
    keepsIdentifying: boolean
  }
  readonly request: OtlpJson
  readonly samples: Sample[]
}

const file = new URL('../../../fixtures/otlp/translations.json', import.meta.url)
/** See test/support/otlp-translations.go. */
const { cases }: { cases: Case[] } = JSON.parse(readFileSync(file, 'utf8'))

describe("OTLP is translated as Prometheus's translator does it", () => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', (_name, { options, request, samples }) => {
    const reader = new OtlpReader(optionsOf(options))
    const json = reader.read(Buffer.from(JSON.stringify(request)), 'json')
    expect(json.message).toBe('')
    expect(json.rejectedPoints).toBe(0)
    const protobuf = reader.read(encodeRequest(request), 'protobuf')
    expect(protobuf).toEqual(json)
    const ours = json.families.flatMap(samplesOf)
    expect(inOrder(ours)).toEqual(inOrder(endingWhole(latestTargets(samples)).map(comparable)))
    expect(ours.length).toBeGreaterThan(0)
  })

  it('of everything there is something', () => {
    const all = cases.flatMap(({ samples }) => samples)
    expect(cases.length).toBeGreaterThan(40)
    expect(new Set(all.map(({ type }) => type))).toEqual(
      new Set(['gauge', 'counter', 'histogram', 'summary', 'unknown']),
    )
    expect(all.filter(({ value }) => value === 'stale').length).toBeGreaterThan(10)
    expect(all.filter(({ native }) => native !== undefined).length).toBeGreaterThan(20)
    expect(all.filter(({ exemplars }) => exemplars !== undefined).length).toBeGreaterThan(4)
    expect(all.filter(({ labels }) => labels['__name__'] === 'target_info').length).toBeGreaterThan(40)
  })
})

function optionsOf(options: Case['options']): TranslationOptions {
  const { strategy, keepsUnderscores, keysUnderscore, promotes, isAllBut, promotesScope, keepsIdentifying } =
    options
  return {
    ...PROMETHEUS_TRANSLATION,
    strategy,
    labels: { keepsUnderscores, keysUnderscore },
    promotion: { attributes: promotes, isAllBut },
    promotesScope,
    keepsIdentifying,
    limits: LIMITS,
  }
}

/** Ours has one, at the latest time; theirs several, so that a query finds one. */
function latestTargets(samples: Sample[]): Sample[] {
  const latest = new Map<string, Sample>()
  const others = samples.filter((sample) => {
    if (sample.labels['__name__'] !== 'target_info') return true
    const key = JSON.stringify(sample.labels)
    if ((latest.get(key)?.timeMs ?? 0) <= sample.timeMs) latest.set(key, sample)
    return false
  })
  return [...others, ...latest.values()]
}

/** Ours ends a histogram or summary as a whole, theirs each of its series. */
function endingWhole(samples: Sample[]): Sample[] {
  return samples.flatMap((sample) => {
    const name = sample.labels['__name__'] as string
    if (sample.value !== 'stale') return [sample]
    if (/_(sum|bucket)$/.test(name) || 'quantile' in sample.labels) return []
    return [{ ...sample, labels: { ...sample.labels, __name__: name.replace(/_count$/, '') } }]
  })
}

/** What both sides say of a sample: of several exemplars the last, of deltas no type, of a unit nothing. */
function comparable({ labels, timeMs, startMs = 0, value, type, help = '', exemplars, native }: Sample) {
  const exemplar = native === undefined ? exemplars?.at(-1) : exemplars
  return {
    labels,
    timeMs,
    startMs,
    value: native === undefined ? numberOf(value) : 'native',
    type,
    help,
    ...(exemplar !== undefined && {
      exemplar: [exemplar].flat().map((each) => ({ ...each, value: Number(each.value) })),
    }),
    ...(native !== undefined && {
      native: { ...native, zeroThreshold: Number(native.zeroThreshold), sum: Number(native.sum) },
    }),
  }
}

type Comparable = ReturnType<typeof comparable>

function numberOf(value: string): number | string {
  return value === 'stale' ? value : Number(value)
}

function inOrder(samples: Comparable[]): Comparable[] {
  const keyOf = ({ labels, timeMs, value }: Comparable) =>
    JSON.stringify([Object.entries(labels).sort(), timeMs, value])
  return [...samples].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** The series of the classic format that a family stands for, as the translator appends them. */
function samplesOf({ family, streams }: TranslatedFamily): Comparable[] {
  const { name, help } = family
  const type = streams !== undefined ? 'unknown' : family.type === 'info' ? 'gauge' : family.type
  const found: Comparable[] = []
  const each = (
    metric: Metric,
    suffix: string,
    value: number | undefined,
    more: Record<string, string> = {},
    exemplar?: Exemplar,
  ) => {
    if (value === undefined) return
    found.push({
      labels: { ...record(metric.labels), ...more, __name__: `${name}${suffix}` },
      timeMs: metric.timestampMs ?? 0,
      startMs: metric.startMs ?? 0,
      value: metric.stale ? 'stale' : value,
      type,
      help,
      ...(exemplar !== undefined && { exemplar: [showExemplar(exemplar)] }),
    })
  }
  switch (family.type) {
    case 'summary':
      for (const metric of family.metrics) {
        if (metric.stale) each(metric, '', 0)
        each(metric, '_sum', metric.sum)
        each(metric, '_count', metric.count)
        for (const { quantile, value } of metric.quantiles)
          each(metric, '', value, { quantile: formatGoF(quantile) })
      }
      break
    case 'histogram':
      for (const metric of family.metrics) {
        const { native, buckets } = metric
        if (native !== undefined) {
          found.push({
            labels: { ...record(metric.labels), __name__: name },
            timeMs: metric.timestampMs ?? 0,
            startMs: metric.startMs ?? 0,
            value: 'native',
            type,
            help,
            ...(native.exemplars !== undefined && { exemplar: native.exemplars.map(showExemplar) }),
            native: {
              schema: native.schema,
              zeroThreshold: native.zeroThreshold,
              zeroCount: native.zeroCount,
              count: metric.count ?? 0,
              sum: metric.sum ?? 0,
              positive: byIndex(native.positive),
              negative: byIndex(native.negative),
            },
          })
          continue
        }
        if (metric.stale) {
          each(metric, '', 0)
          continue
        }
        each(metric, '_sum', metric.sum)
        each(metric, '_count', metric.count)
        const finite = buckets.filter(({ upperBound }) => upperBound !== Number.POSITIVE_INFINITY)
        for (const { upperBound, cumulativeCount, exemplar } of finite)
          each(metric, '_bucket', cumulativeCount, { le: formatGoF(upperBound) }, exemplar)
        each(metric, '_bucket', metric.count, { le: '+Inf' }, buckets[finite.length]?.exemplar)
      }
      break
    case 'counter':
    case 'gauge':
    case 'info':
      for (const metric of family.metrics) each(metric, '', metric.value, {}, metric.exemplar)
      break
    default:
      throw new Error(`nothing becomes a ${family.type}`)
  }
  return found
}

function record(labels: Labels): Record<string, string> {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]))
}

function showExemplar({ labels, value, timestampMs = 0 }: Exemplar) {
  return { labels: record(labels), value, timeMs: timestampMs }
}

function byIndex({ spans, counts }: NativeBuckets): Record<string, number> {
  const found: Record<string, number> = {}
  let index = 0
  let at = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++) {
      const count = counts[at++] as number
      if (count !== 0) found[index] = count
    }
  }
  return found
}
