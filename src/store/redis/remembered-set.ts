import type { Labels } from '../../model/labels.ts'
import type { SetFamily, SetSample, SetWrite } from '../store.ts'

/** Of a number: its place in three columns. */
const NUMBER_BYTES = 24
const SAMPLE_BYTES = 150
const FAMILY_BYTES = 150
const LABEL_BYTES = 50

/**
 * A set write that has to be kept for a while: numbers stand in columns, so that hundreds of thousands of samples are a
 * few objects to the garbage collector. Labels and blobs are those of whoever made the write.
 */
export class RememberedSet {
  /** An estimate of what is kept alive by it. */
  readonly bytes: number
  private readonly write: Omit<SetWrite, 'families' | 'deadlineMs'>
  private readonly heads: readonly RememberedFamily[]
  /** Of all samples, one family after the other. */
  private readonly labels: Labels[] = []
  private readonly keys: (string | undefined)[] = []
  /** NaN for a sample without. */
  private readonly timestampsMs: Float64Array
  private readonly values: Float64Array
  /** By place: what is no plain number. */
  private readonly others = new Map<number, SetSample>()

  constructor(write: SetWrite) {
    const { id, labels, ttlMs, protocol, operation, families } = write
    this.write = { id, labels, ttlMs, protocol, operation }
    const samples = families.reduce((sum, { metrics }) => sum + metrics.length, 0)
    this.timestampsMs = new Float64Array(samples)
    this.values = new Float64Array(samples)
    this.heads = families.map((family) => this.remember(family))
    this.bytes = families.reduce((sum, family) => sum + bytesOf(family), labels.length * LABEL_BYTES)
  }

  /** The write as it was, with another deadline. */
  restore(deadlineMs: number): SetWrite {
    let place = 0
    const families = this.heads.map(({ samples, ...head }): SetFamily => {
      const metrics = Array.from({ length: samples }, () => this.sample(place++))
      return { ...head, metrics }
    })
    return { ...this.write, deadlineMs, families }
  }

  private remember({ name, type, help, unit, metrics }: SetFamily): RememberedFamily {
    for (const sample of metrics) {
      const place = this.labels.push(sample.labels) - 1
      this.keys.push(sample.key)
      this.timestampsMs[place] = sample.timestampMs ?? Number.NaN
      if (typeof sample.content === 'number' && sample.series === 1) this.values[place] = sample.content
      else this.others.set(place, sample)
    }
    return { name, type, help, unit, samples: metrics.length }
  }

  private sample(place: number): SetSample {
    const timestampMs = this.timestampsMs[place] as number
    const key = this.keys[place]
    return (
      this.others.get(place) ?? {
        labels: this.labels[place] as Labels,
        content: this.values[place] as number,
        series: 1,
        ...(Number.isNaN(timestampMs) ? {} : { timestampMs }),
        ...(key === undefined ? {} : { key }),
      }
    )
  }
}

interface RememberedFamily extends Omit<SetFamily, 'metrics'> {
  readonly samples: number
}

/** Labels that have a text beside them are kept by somebody else anyway. */
function bytesOf({ metrics }: SetFamily): number {
  let bytes = FAMILY_BYTES
  for (const { labels, content, key, remake } of metrics) {
    bytes += typeof content === 'number' ? NUMBER_BYTES : SAMPLE_BYTES
    if (key === undefined) bytes += labels.length * LABEL_BYTES + SAMPLE_BYTES
    if (typeof content === 'object') bytes += content.byteLength
    if (remake !== undefined) bytes += remake.bytes
  }
  return bytes
}
