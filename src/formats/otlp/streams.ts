import { compareText } from '../../model/labels.ts'
import { hashTexts } from '../../model/unit.ts'
import type { Attributes, OtlpMetric, ResourceMetrics, ScopeMetrics } from './request.ts'

/** Metrics whose streams are kept. */
const MOST_METRICS = 4096

/**
 * Names streams of deltas by 16 bytes as a latin1 string, equal exactly when all of resource, scope, metric and attributes
 * are, whether or not they become labels and in whatever order they are sent. Running totals are kept under them: they
 * must not change.
 */
export class StreamNames {
  /** By the metric, and for as long as the attributes are known. */
  private readonly known = new Map<string, WeakMap<Attributes, string>>()

  inScope(resource: ResourceMetrics, { scope }: ScopeMetrics): (metric: OtlpMetric) => StreamNamer {
    let scopeKey: string | undefined
    return (metric) => {
      scopeKey ??= keyOf(resource, scope)
      return this.of(hashTexts([scopeKey, metric.name, metric.unit]))
    }
  }

  private of(metricKey: string): StreamNamer {
    const known = this.knownFor(metricKey)
    return (attributes) => {
      let stream = known.get(attributes)
      if (stream === undefined) {
        stream = hashTexts([metricKey, ...textsOf(attributes)])
        known.set(attributes, stream)
      }
      return stream
    }
  }

  private knownFor(metricKey: string): WeakMap<Attributes, string> {
    let known = this.known.get(metricKey)
    if (known === undefined) {
      if (this.known.size >= MOST_METRICS) this.known.clear()
      known = new WeakMap()
      this.known.set(metricKey, known)
    }
    return known
  }
}

export type StreamNamer = (attributes: Attributes) => string

function keyOf(resource: ResourceMetrics, { name, version, attributes }: ScopeMetrics['scope']): string {
  const texts = textsOf(resource.attributes)
  // The number tells where one list ends and the next begins.
  return hashTexts([String(texts.length), ...texts, name, version, ...textsOf(attributes)])
}

function textsOf(attributes: Attributes): string[] {
  return [...attributes]
    .sort((a, b) => compareText(a.name, b.name))
    .flatMap(({ name, value }) => [name, value])
}
