import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, removeFolder } from '../../support/child.ts'
import {
  type Bodies,
  bucketSeries,
  histogramBodies,
  plainSeries,
  remoteWriteBodies,
  smallPush,
  sumBodies,
} from '../bodies/format-bodies.ts'
import { readAlone } from '../harness/generators.ts'
import type { Measure, Recorder } from '../harness/measure.ts'
import { PGR_ALONE, PROTOBUFJS } from '../harness/parties.ts'
import { sizes } from '../settings.ts'

const SERIES = sizes.groups * 14
const REQUESTS = sizes.senders / 2

interface Case {
  readonly what: string
  readonly bodies: () => Bodies
  readonly reader: string
  readonly version?: 1 | 2
  readonly encoding?: 'protobuf' | 'json'
  readonly fresh?: boolean
  readonly party?: string
}

/** What budget 5 says about decoding, beside what protobufjs takes to decode the same and look its series up. */
const DECODING: readonly Case[] = [
  { what: 'decoding', bodies: () => remoteWriteBodies(1), reader: 'remote-write', version: 1 },
  {
    what: 'decoding',
    bodies: () => remoteWriteBodies(1),
    reader: 'protobufjs-remote-write',
    version: 1,
    party: PROTOBUFJS,
  },
]

const CASES: readonly Case[] = [
  {
    what: 'remote write 1.0, labels never met',
    bodies: () => remoteWriteBodies(1),
    reader: 'remote-write',
    version: 1,
    fresh: true,
  },
  {
    what: 'remote write 2.0, labels known',
    bodies: () => remoteWriteBodies(2),
    reader: 'remote-write',
    version: 2,
  },
  {
    what: 'remote write 2.0, labels known',
    bodies: () => remoteWriteBodies(2),
    reader: 'protobufjs-remote-write',
    version: 2,
    party: PROTOBUFJS,
  },
  {
    what: 'remote write 2.0, labels never met',
    bodies: () => remoteWriteBodies(2),
    reader: 'remote-write',
    version: 2,
    fresh: true,
  },
  {
    what: 'OTLP sums, known',
    bodies: () => sumBodies(REQUESTS, 'protobuf'),
    reader: 'otlp',
    encoding: 'protobuf',
  },
  {
    what: 'OTLP sums, known',
    bodies: () => sumBodies(REQUESTS, 'protobuf'),
    reader: 'protobufjs-otlp',
    party: PROTOBUFJS,
  },
  {
    what: 'OTLP sums, never met',
    bodies: () => sumBodies(REQUESTS, 'protobuf'),
    reader: 'otlp',
    encoding: 'protobuf',
    fresh: true,
  },
  { what: 'OTLP sums in JSON', bodies: () => sumBodies(1, 'json'), reader: 'otlp', encoding: 'json' },
  {
    what: 'OTLP exponential histograms of 160 buckets',
    bodies: histogramBodies,
    reader: 'otlp',
    encoding: 'protobuf',
  },
  { what: 'text, plain series', bodies: () => plainSeries(SERIES), reader: 'text' },
  { what: 'text, plain series beyond ASCII', bodies: () => plainSeries(SERIES, 'ding/ü'), reader: 'text' },
  { what: 'text, series of histograms', bodies: () => bucketSeries(SERIES / 14), reader: 'text' },
  { what: 'text, a push of 3 series', bodies: smallPush, reader: 'text' },
  { what: 'text written, plain series', bodies: () => plainSeries(SERIES), reader: 'text-writer' },
  {
    what: 'text written, series of histograms',
    bodies: () => bucketSeries(SERIES / 14),
    reader: 'text-writer',
  },
]

export const formats: Measure = {
  id: 'formats',
  title: 'formats read and written alone: series, samples or points per CPU second',
  peer: PROTOBUFJS,
  run: (record) => noteCases(record, CASES),
}

/** Decodes remote write alone, as budget 5 has it. */
export function noteDecoding(record: Recorder): Promise<void> {
  return noteCases(record, DECODING)
}

async function noteCases(record: Recorder, cases: readonly Case[]): Promise<void> {
  const folder = makeFolder('bench')
  try {
    for (const { what, bodies: make, party = PGR_ALONE, ...reader } of cases) {
      const file = join(folder, 'bodies')
      const { bodies, units } = make()
      writeFileSync(file, Buffer.concat(bodies.flatMap((body) => [Buffer.from(`${body.length}\n`), body])))
      const { rounds, seconds } = sizes
      const figures = await readAlone({ ...reader, file, units, rounds, seconds: seconds / 3 })
      for (const [round, perGatewaySecond] of figures.entries())
        record.note(what, { name: party }, round, { perGatewaySecond })
    }
  } finally {
    removeFolder(folder)
  }
}
