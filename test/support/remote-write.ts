import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

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

/** As fast as protobufjs can, for comparison. */
export function decodeByReflection(version: 1 | 2, body: Uint8Array): unknown {
  return TYPES[version].decode(body)
}
