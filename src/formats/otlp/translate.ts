import {
  type Family,
  type FamilyType,
  fittingUnit,
  type Metric,
  type NumberMetric,
} from '../../model/family.ts'
import { type Labels, labelKey, labelValue } from '../../model/labels.ts'
import { isValidUtf8Name } from '../../model/names.ts'
import { type LabelsOrProblem, quote, ResourceLabels } from './labels.ts'
import { type NamedMetric, translateMetricName } from './names.ts'
import type { TranslationOptions } from './options.ts'
import { exponentialMetric, histogramMetric, numberMetric, summaryMetric } from './points.ts'
import { Refusals } from './refusals.ts'
import type {
  Attributes,
  MetricData,
  NumberPoint,
  OtlpMetric,
  OtlpRequest,
  Point,
  ResourceMetrics,
  Temporality,
} from './request.ts'
import { type StreamNamer, StreamNames } from './streams.ts'
import { translateUnit } from './units.ts'

/**
 * The points of one OTLP metric. A monotonic sum is a counter, any other a gauge; a histogram has classic or native buckets.
 */
export interface TranslatedFamily {
  readonly family: Family
  /**
   * Present when the points are deltas, which are to be added up: for each metric of the family the stream it belongs to,
   * as `StreamNames` names it. Absent when each point says how things stand.
   */
  readonly streams?: readonly string[]
  /** No points of the request: made of what it says of its resources. */
  readonly isDerived?: true
}

export interface Translation {
  /** In the order of the request, names perhaps more than once; last, the series of the resources' attributes. */
  readonly families: readonly TranslatedFamily[]
  /** Data points of the request. */
  readonly points: number
  readonly rejectedPoints: number
  /** Why, or a warning where none was rejected; empty when there is nothing to tell. */
  readonly message: string
}

/**
 * Translates requests to the sample model as Prometheus's OTLP translator does. What it differs in: deltas are taken, and
 * described so that they can be added up; a bad point costs itself alone, where Prometheus drops its metric or the
 * request; a zero threshold that is set counts; a point at no time has none.
 */
export class Translator {
  private readonly options: TranslationOptions
  /** What was worked out for a resource lives as long as its attributes are known. */
  private readonly resources = new WeakMap<Attributes, ResourceLabels>()
  private readonly streams = new StreamNames()

  constructor(options: TranslationOptions) {
    this.options = options
  }

  translate(request: OtlpRequest): Translation {
    const run = new Run(this.options, this.streams)
    for (const resource of request.resources) run.take(resource, this.labelsOf(resource.attributes))
    return run.finish()
  }

  private labelsOf(attributes: Attributes): ResourceLabels {
    let labels = this.resources.get(attributes)
    if (labels === undefined) {
      labels = new ResourceLabels(attributes, this.options)
      this.resources.set(attributes, labels)
    }
    return labels
  }
}

/** What each point of a metric is translated with. */
interface Plan {
  readonly metric: OtlpMetric
  /** Label that the samples of the type add themselves. */
  readonly ownLabel: string | undefined
  readonly labelsOf: (attributes: Attributes) => LabelsOrProblem
  readonly streamOf: StreamNamer | undefined
}

class Run {
  private readonly options: TranslationOptions
  private readonly streams: StreamNames
  private readonly families: TranslatedFamily[] = []
  private readonly targets = new Map<string, NumberMetric>()
  private readonly refusals = new Refusals()
  private points = 0
  /** Of the resource being read: types of families, and the latest time of a point that was taken. */
  private types = new Map<string, FamilyType>()
  private latestMs: number | undefined

  constructor(options: TranslationOptions, streams: StreamNames) {
    this.options = options
    this.streams = streams
  }

  take(resource: ResourceMetrics, labels: ResourceLabels): void {
    this.types = new Map()
    this.latestMs = undefined
    for (const scope of resource.scopes) {
      const labelsOf = labels.inScope(scope)
      const streamsOf = this.streams.inScope(resource, scope)
      for (const metric of scope.metrics) this.takeMetric(metric, labelsOf, streamsOf)
    }
    if (this.latestMs !== undefined) this.takeTarget(labels.targetInfo, this.latestMs)
  }

  finish(): Translation {
    const { families, targets, points, refusals } = this
    if (targets.size > 0)
      families.push({
        family: {
          name: 'target_info',
          type: 'info',
          help: 'Target metadata',
          unit: '',
          metrics: [...targets.values()],
        },
        isDerived: true,
      })
    return { families, points, rejectedPoints: refusals.points, message: refusals.message }
  }

  private takeMetric(
    metric: OtlpMetric,
    labelsOf: (attributes: Attributes) => LabelsOrProblem,
    streamsOf: (metric: OtlpMetric) => StreamNamer,
  ): void {
    const { data, description, unit } = metric
    if (data === undefined) {
      this.refusals.add(0, `metric ${quote(metric.name)} has no data of a kind that is known`)
      return
    }
    if (data.points.length === 0) return
    this.points += data.points.length
    const { type, named } = typeOf(data)
    const name = translateMetricName({ name: metric.name, unit, type: named }, this.options.strategy) ?? ''
    const problem = this.problemOf(name, type, data)
    if (problem !== undefined) {
      this.refusals.add(data.points.length, `metric ${quote(metric.name)} ${problem}`)
      return
    }
    const streamOf = temporalityOf(data) === 'delta' ? streamsOf(metric) : undefined
    const found: string[] = []
    const metrics = this.metricsOf(data, { metric, ownLabel: OWN_LABEL[type], labelsOf, streamOf }, found)
    if (metrics.length === 0) return
    this.types.set(name, type)
    const head = { name, type, help: description, unit: fittingUnit(name, type, translateUnit(unit)) }
    const family = { ...head, metrics } as Family
    this.families.push(streamOf === undefined ? { family } : { family, streams: found })
  }

  private problemOf(name: string, type: FamilyType, data: MetricData): string | undefined {
    const { nameLength } = this.options.limits
    if (name === '') return 'has no name that could be kept'
    if (name.length > nameLength)
      return `has a name of ${name.length} characters, more than the ${nameLength} allowed (--push.max-name-length)`
    if (!isValidUtf8Name(name)) return 'has a name that is not UTF-8'
    if (temporalityOf(data) === 'unspecified')
      return 'does not say whether its points are cumulative or deltas'
    const other = this.types.get(name)
    return other === undefined || other === type
      ? undefined
      : `is a ${type}, and ${quote(name)} is a ${other} by another metric of the same resource`
  }

  private metricsOf(data: MetricData, plan: Plan, streams: string[]): Metric[] {
    switch (data.kind) {
      case 'gauge':
        return this.each(data.points, plan, streams, gaugeMetric)
      case 'sum':
        return this.each(data.points, plan, streams, data.isMonotonic ? counterMetric : gaugeMetric)
      case 'histogram':
        return this.each(data.points, plan, streams, histogramMetric)
      case 'exponential':
        return this.each(data.points, plan, streams, exponentialMetric)
      case 'summary':
        return this.each(data.points, plan, streams, summaryMetric)
    }
  }

  private each<P extends Point>(
    points: readonly P[],
    { metric, ownLabel, labelsOf, streamOf }: Plan,
    streams: string[],
    read: (point: P, labels: Labels) => Metric | string,
  ): Metric[] {
    const metrics: Metric[] = []
    let latestMs = this.latestMs
    for (const point of points) {
      const labels = labelsOf(point.attributes)
      const translated = typeof labels === 'string' ? labels : read(point, withoutLabel(labels, ownLabel))
      if (typeof translated === 'string') {
        this.refusals.add(1, `a point of metric ${quote(metric.name)} ${translated}`)
        continue
      }
      metrics.push(translated)
      if (streamOf !== undefined) streams.push(streamOf(point.attributes))
      if (latestMs === undefined || point.timeMs > latestMs) latestMs = point.timeMs
    }
    this.latestMs = latestMs
    return metrics
  }

  /** Of resources with the same labels the latest counts. */
  private takeTarget(labels: LabelsOrProblem | undefined, timeMs: number): void {
    if (labels === undefined) return
    if (typeof labels === 'string') {
      this.refusals.add(0, `the target_info of a resource was left out: it ${labels}`)
      return
    }
    const key = labelKey(labels)
    const before = this.targets.get(key)
    if (before !== undefined && (before.timestampMs ?? 0) >= timeMs) return
    this.targets.set(key, { labels, ...(timeMs !== 0 && { timestampMs: timeMs }), value: 1 })
  }
}

const OWN_LABEL: Partial<Record<FamilyType, string>> = { histogram: 'le', summary: 'quantile' }

function withoutLabel(labels: Labels, without: string | undefined): Labels {
  return without === undefined || labelValue(labels, without) === undefined
    ? labels
    : labels.filter(({ name }) => name !== without)
}

function counterMetric(point: NumberPoint, labels: Labels): NumberMetric | string {
  return numberMetric(point, labels, true)
}

function gaugeMetric(point: NumberPoint, labels: Labels): NumberMetric | string {
  return numberMetric(point, labels, false)
}

/** The type of the family, and what its name is made with: a sum that may fall gets no suffix of a gauge. */
function typeOf(data: MetricData): { type: FamilyType; named: NamedMetric['type'] } {
  switch (data.kind) {
    case 'gauge':
      return { type: 'gauge', named: 'gauge' }
    case 'sum':
      return data.isMonotonic ? { type: 'counter', named: 'counter' } : { type: 'gauge', named: 'other' }
    case 'histogram':
    case 'exponential':
      return { type: 'histogram', named: 'other' }
    case 'summary':
      return { type: 'summary', named: 'other' }
  }
}

function temporalityOf(data: MetricData): Temporality | undefined {
  return 'temporality' in data ? data.temporality : undefined
}
