import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

/** The format as protobufjs knows it from the vendored file: what our reader and writer are held against. */
const root = new protobuf.Root().loadSync(
  fileURLToPath(new URL('../../proto/io/prometheus/client/metrics.proto', import.meta.url)),
)
const MetricFamily = root.lookupType('io.prometheus.client.MetricFamily')

/** A message as a plain object: 64-bit numbers as numbers, defaults left out. */
export type Message = Record<string, unknown>

export const PROTOBUF_TYPE =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

export function encodeDelimited(...messages: readonly Message[]): Buffer {
  return Buffer.concat(
    messages.map((message) => {
      const problem = MetricFamily.verify(message)
      if (problem !== null) throw new Error(problem)
      return MetricFamily.encodeDelimited(MetricFamily.fromObject(message)).finish()
    }),
  )
}

export function decodeDelimited(body: Uint8Array): Message[] {
  const reader = protobuf.Reader.create(body)
  const messages: Message[] = []
  while (reader.pos < reader.len)
    messages.push(MetricFamily.toObject(MetricFamily.decodeDelimited(reader), { longs: Number }))
  return messages
}
