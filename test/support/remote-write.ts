import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import snappy from 'snappyjs'

/** Both versions as protobufjs knows them from the vendored files: what our reader and writer are held against. */
function typeFrom(file: string, name: string): protobuf.Type {
  return new protobuf.Root()
    .loadSync(fileURLToPath(new URL(`../../proto/${file}`, import.meta.url)))
    .lookupType(name)
}

const TYPES = {
  1: typeFrom('prometheus/remote.proto', 'prometheus.WriteRequest'),
  2: typeFrom('io/prometheus/write/v2/types.proto', 'io.prometheus.write.v2.Request'),
} as const

/** A message as a plain object: 64-bit numbers as numbers, defaults left out. */
export type Message = Record<string, unknown>

export function encodeRemoteWrite(version: 1 | 2, message: Message): Buffer {
  const type = TYPES[version]
  const problem = type.verify(message)
  if (problem !== null) throw new Error(problem)
  return Buffer.from(type.encode(type.fromObject(message)).finish())
}

export function decodeRemoteWrite(version: 1 | 2, body: Uint8Array): Message {
  return TYPES[version].toObject(TYPES[version].decode(body), { longs: Number })
}

/** Labels from `name, value, name, value`. */
export function pairs(...texts: string[]): Message[] {
  const labels: Message[] = []
  for (let i = 0; i < texts.length; i += 2) labels.push({ name: texts[i], value: texts[i + 1] })
  return labels
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

/** As a body is sent. */
export function snappyBody(version: 1 | 2, message: Message): Buffer {
  return Buffer.from(snappy.compress(encodeRemoteWrite(version, message)))
}
