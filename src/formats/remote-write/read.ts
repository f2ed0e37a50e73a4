import { PgrError } from '../../errors/pgr-error.ts'
import type { Labels } from '../../model/labels.ts'
import { Budget } from '../budget.ts'
import type { ReadOptions } from '../format.ts'
import { openReader, problemOf } from '../protobuf.ts'
import { KnownSeries } from './known-series.ts'
import { LabelFields, LabelRefs } from './label-bytes.ts'
import { GoodNames, type LabelRules } from './label-set.ts'
import type { RemoteWriteVersion } from './layout.ts'
import { MetadataOfBody } from './metadata.ts'
import type { RemoteWrite } from './remote-write.ts'
import { type Known, SeriesReader } from './series-reader.ts'
import { Symbols } from './symbols.ts'
import { readVersion1 } from './version-1.ts'
import { readVersion2 } from './version-2.ts'

const GENERATION_BYTES = 64 * 2 ** 20

/**
 * Reads the bodies of remote write, already decompressed. `S` is what a series is to the caller: made once for a label
 * set, then recognised by its raw bytes, so that what senders repeat all day is not read again. The same labels in other
 * bytes (in another order, say) are another series here.
 */
export class RemoteWriteReader<S> {
  private readonly seriesOf: (name: string, labels: Labels) => S
  private readonly generationBytes: number
  private memory: Memory<S> | undefined

  /**
   * `seriesOf` gets labels sorted, without the name and without empty ones. `generationBytes` bounds what is remembered:
   * at most twice as many bytes of label sets.
   */
  constructor(seriesOf: (name: string, labels: Labels) => S, generationBytes = GENERATION_BYTES) {
    this.seriesOf = seriesOf
    this.generationBytes = generationBytes
  }

  /**
   * Throws PGR_BODY_MALFORMED for a body that cannot be decoded or is of the other version, and PGR_LIMIT_EXCEEDED when it
   * has more series than allowed. Series and samples that may not be stored are counted as refused, and the rest is read.
   */
  read(body: Uint8Array, version: RemoteWriteVersion, options: ReadOptions): RemoteWrite<S> {
    const { rules, known } = this.memoryFor(options)
    const reader = openReader(body)
    const symbols = new Symbols(reader.buf as Buffer)
    const makeLabels = () => (version === 1 ? new LabelFields() : new LabelRefs(symbols, options))
    const budget = new Budget(options.limits)
    const metadata = new MetadataOfBody(options, budget)
    const series = new SeriesReader({
      reader,
      rules,
      budget,
      known,
      seriesOf: this.seriesOf,
      labels: makeLabels(),
      exemplarLabels: makeLabels(),
    })
    try {
      if (version === 1) readVersion1(reader, series, metadata)
      else readVersion2(reader, series, metadata, symbols)
    } catch (reason) {
      if (reason instanceof PgrError) throw reason
      throw new PgrError(
        'PGR_BODY_MALFORMED',
        `the body is not remote write ${version}.0: ${series.place} ${problemOf(reason)}`,
        { cause: reason },
      )
    }
    const { numbers, histograms, exemplars, refused } = series
    return { numbers, histograms, exemplars, metadata: metadata.all, refused }
  }

  /** What was found good by other rules may not be good any more. */
  private memoryFor(options: ReadOptions): Memory<S> {
    if (this.memory === undefined || !areAlike(this.memory.rules.options, options))
      this.memory = {
        rules: { options, labelNames: new GoodNames(), metricNames: new GoodNames() },
        known: new KnownSeries(this.generationBytes),
      }
    return this.memory
  }
}

/** What is kept from one body to the next. */
interface Memory<S> {
  readonly rules: LabelRules
  readonly known: KnownSeries<Known<S>>
}

/** As far as label sets are concerned. */
function areAlike(a: ReadOptions, b: ReadOptions): boolean {
  return (
    a.limits.labelsPerSeries === b.limits.labelsPerSeries &&
    a.limits.nameLength === b.limits.nameLength &&
    a.limits.valueLength === b.limits.valueLength
  )
}
