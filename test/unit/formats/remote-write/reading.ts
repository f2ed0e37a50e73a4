import { PgrError } from '../../../../src/errors/pgr-error.ts'
import type { ReadOptions } from '../../../../src/formats/format.ts'
import {
  type RemoteWrite,
  RemoteWriteReader,
  type RemoteWriteVersion,
} from '../../../../src/formats/remote-write/index.ts'
import type { Labels } from '../../../../src/model/labels.ts'
import { encodeRemoteWrite, type Message } from '../../../support/remote-write.ts'

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

/** Labels from `name, value, name, value`. */
export function pairs(...texts: string[]): Message[] {
  const labels: Message[] = []
  for (let i = 0; i < texts.length; i += 2) labels.push({ name: texts[i], value: texts[i + 1] })
  return labels
}

/** A body of one series with one sample, in version 1. */
export function single(...labels: string[]): Message {
  return { timeseries: [{ labels: pairs(...labels), samples: [{ value: 1, timestamp: NOW }] }] }
}

/** A body of version 2, the labels of its series as texts; the table has every text once. */
export function symbolized(...series: (Message & { labels: readonly string[] })[]): Message {
  const symbols = ['']
  const timeseries = series.map(({ labels, ...rest }) => ({
    labelsRefs: labels.map((text) => {
      const known = symbols.indexOf(text)
      return known === -1 ? symbols.push(text) - 1 : known
    }),
    ...rest,
  }))
  return { symbols, timeseries }
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
