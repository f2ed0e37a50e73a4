import type { Writer } from '../formats/format.ts'
import { writers } from '../formats/index.ts'
import type { Family, SummaryMetric } from '../model/family.ts'
import type { Labels } from '../model/labels.ts'
import { CUSTOM_SCHEMA } from '../model/native-histogram.ts'

/** What a family is pushed in. */
export type Carrier = 'protobuf' | 'openmetrics' | 'remote-write'

/**
 * The format that says all there is to say of a family to pgr: protobuf nearly always; OpenMetrics what protobuf has no
 * form for, an info, a state set, a sum that is not there; remote write what came that way and has no other, a native
 * histogram with custom bounds or an info without the suffix of one.
 */
export function carrierOf(family: Family): Carrier {
  switch (family.type) {
    case 'counter':
    case 'gauge':
    case 'unknown':
      return 'protobuf'
    case 'info':
      return family.name.endsWith('_info') && family.name !== '_info' ? 'openmetrics' : 'remote-write'
    case 'stateset':
      return 'openmetrics'
    case 'summary':
      return family.metrics.some(lacksTotal) ? 'openmetrics' : 'protobuf'
    case 'histogram':
    case 'gaugehistogram':
      if (family.metrics.some(({ native }) => native?.schema === CUSTOM_SCHEMA)) return 'remote-write'
      return family.metrics.some((metric) => lacksTotal(metric) && metric.native === undefined)
        ? 'openmetrics'
        : 'protobuf'
  }
}

function lacksTotal({ count, sum }: Pick<SummaryMetric, 'count' | 'sum'>): boolean {
  return count === undefined || sum === undefined
}

/** A body of these families. `labels` are joined to those of every metric, and win. */
export function writeBody(
  families: readonly Family[],
  carrier: Exclude<Carrier, 'remote-write'>,
  labels: Labels,
): { readonly contentType: string; readonly body: Uint8Array } {
  const writer = writers.get(carrier) as Writer
  const escaping = 'allow-utf-8'
  const pieces = families.flatMap((family) => {
    const block = writer.block(family, labels, { escaping, timestamps: true })
    return [writer.head(family, escaping, block.length), block]
  })
  return { contentType: writer.contentType(escaping), body: Buffer.concat([...pieces, writer.end]) }
}
