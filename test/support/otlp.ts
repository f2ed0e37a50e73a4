import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

/** The protocol as protobufjs knows it from the vendored files: what our reader and answers are held against. */
const root = new protobuf.Root()
const folder = fileURLToPath(new URL('../../proto/', import.meta.url))
root.resolvePath = (_origin, target) => `${folder}${target}`
root.loadSync('opentelemetry/proto/collector/metrics/v1/metrics_service.proto')

const service = 'opentelemetry.proto.collector.metrics.v1'
const ExportRequest = root.lookupType(`${service}.ExportMetricsServiceRequest`)
export const ExportResponse = root.lookupType(`${service}.ExportMetricsServiceResponse`)

/** google.rpc.Status, of which OTLP has no file of its own. */
export const RpcStatus = protobuf
  .parse('syntax = "proto3"; message Status { int32 code = 1; string message = 2; }', { keepCase: false })
  .root.lookupType('Status')

/** A request as OTLP JSON has it. */
export type OtlpJson = { readonly resourceMetrics?: readonly unknown[] }

/** The same request in protobuf: ids come in hexadecimal, doubles that are no numbers by name. */
export function encodeRequest(request: OtlpJson): Buffer {
  const message = ExportRequest.fromObject(plain(request) as Record<string, unknown>)
  return Buffer.from(ExportRequest.encode(message).finish())
}

const IDS = new Set(['traceId', 'spanId'])
const DOUBLES = new Set(['asDouble', 'doubleValue', 'sum', 'quantile', 'value', 'zeroThreshold'])

function plain(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item, key))
  if (typeof value === 'string') {
    if (IDS.has(key)) return Buffer.from(value, 'hex').toString('base64')
    return DOUBLES.has(key) || key === 'explicitBounds' ? Number(value) : value
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item, name)]))
}
