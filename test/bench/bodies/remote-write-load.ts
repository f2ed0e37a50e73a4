import snappy from 'snappyjs'
import { nested, text } from './protobuf-bytes.ts'

/** Series as a Kubernetes scrape has them: ten labels, about 150 bytes. */
export interface Fleet {
  readonly targets: number
  readonly seriesPerTarget: number
  /** Samples in a request. */
  readonly batch: number
}

interface Body {
  readonly bytes: Buffer
  /** Where each sample stands. */
  readonly samples: readonly number[]
}

const TIMESTAMP_BYTES = 6

/** Requests of remote write 1.0 for all series of a fleet, again and again with other values and timestamps. */
export class RemoteWriteLoad {
  readonly #bodies: Body[] = []
  readonly batches: number

  constructor({ targets, seriesPerTarget, batch }: Fleet) {
    let series: Buffer[] = []
    const close = () => {
      const bytes = Buffer.concat(series)
      const samples: number[] = []
      let at = 0
      for (const each of series) {
        at += each.length
        samples.push(at - SAMPLE_BYTES)
      }
      this.#bodies.push({ bytes, samples })
      series = []
    }
    for (let target = 0; target < targets; target++) {
      for (let i = 0; i < seriesPerTarget; i++) {
        series.push(seriesOf(labelsOf(target, i)))
        if (series.length === batch) close()
      }
    }
    if (series.length > 0) close()
    this.batches = this.#bodies.length
  }

  /** A compressed body; `round` is what tells one time from the next. */
  body(batch: number, round: number, timestampMs: number): Buffer {
    const { bytes, samples } = this.#bodies[batch] as Body
    for (const [n, at] of samples.entries()) {
      bytes.writeDoubleLE(round + n / 7, at + 1)
      let rest = timestampMs
      for (let i = 0; i < TIMESTAMP_BYTES; i++) {
        bytes[at + 10 + i] = (rest % 128) + (i < TIMESTAMP_BYTES - 1 ? 128 : 0)
        rest = Math.floor(rest / 128)
      }
    }
    return Buffer.from(snappy.compress(bytes))
  }
}

/** Value, and timestamp behind its tag. */
const SAMPLE_BYTES = 9 + 1 + TIMESTAMP_BYTES

function seriesOf(labels: readonly (readonly [string, string])[]): Buffer {
  const fields = labels.map(([name, value]) => nested(1, Buffer.concat([text(1, name), text(2, value)])))
  const sample = Buffer.alloc(SAMPLE_BYTES)
  sample[0] = 0x09
  sample[9] = 0x10
  return nested(1, Buffer.concat([...fields, nested(2, sample)]))
}

function labelsOf(target: number, i: number): readonly (readonly [string, string])[] {
  return [
    ['__name__', `http_requests_${Math.floor(i / 20)}_total`],
    ['code', String(200 + (i % 5))],
    ['container', 'api'],
    ['endpoint', 'http'],
    ['handler', `/v1/thing/${i % 20}`],
    ['instance', `10.0.${target % 250}.${target}:8080`],
    ['job', 'api'],
    ['method', i % 2 === 0 ? 'post' : 'get'],
    ['namespace', 'shop'],
    ['pod', `api-7d9c4b5f6d-${target}`],
  ]
}
