import { PgrError } from '../../../../src/errors/pgr-error.ts'
import type { ReadOptions } from '../../../../src/formats/format.ts'
import {
  type RemoteWrite,
  RemoteWriteReader,
  type RemoteWriteVersion,
} from '../../../../src/formats/remote-write/index.ts'
import type { Labels } from '../../../../src/model/labels.ts'
import { encodeRemoteWrite, type Message, pairs } from '../../../support/remote-write.ts'

export const OPTIONS: ReadOptions = {
  limits: { labelsPerSeries: 5, nameLength: 30, valueLength: 40, seriesPerPush: 1000 },
  utf8Names: false,
}

export const NOW = 1_764_000_000_123

/** A series as text: `up{job="api"}`. */
export function show(name: string, labels: Labels): string {
  const pairs = labels.map((label) => `${label.name}="${label.value}"`)
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}

export function readBody(
  body: Uint8Array,
  version: RemoteWriteVersion,
  options: ReadOptions = OPTIONS,
): RemoteWrite<string> {
  return new RemoteWriteReader(show).read(body, version, options)
}

export function readMessage(
  version: RemoteWriteVersion,
  message: Message,
  options: ReadOptions = OPTIONS,
): RemoteWrite<string> {
  return readBody(encodeRemoteWrite(version, message), version, options)
}

/** A body of one series with one sample, in version 1. */
export function single(...labels: string[]): Message {
  return { timeseries: [{ labels: pairs(...labels), samples: [{ value: 1, timestamp: NOW }] }] }
}

export function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run()
  } catch (reason) {
    if (reason instanceof PgrError) return { code: reason.code, message: reason.message }
    throw reason
  }
  throw new Error('expected a refusal')
}
