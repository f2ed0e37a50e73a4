// Writes test/fixtures/otlp/sdk-bodies.json: what the OpenTelemetry SDK for JavaScript makes of every instrument, in
// protobuf and JSON, as base64. Made again in an empty folder:
//
//   npm install @opentelemetry/api@1.9.1 @opentelemetry/sdk-metrics@2.12.1 @opentelemetry/resources@2.12.1 @opentelemetry/otlp-transformer@0.223.1
//   node make-otlp-bodies.mjs "$PWD" > sdk-bodies.json
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const load = createRequire(join(resolve(process.argv[2]), 'package.json'))
const sdk = load('@opentelemetry/sdk-metrics')
const { resourceFromAttributes } = load('@opentelemetry/resources')
const { ProtobufMetricsSerializer, JsonMetricsSerializer } = load('@opentelemetry/otlp-transformer')
const { ValueType } = load('@opentelemetry/api')

const { AggregationTemporality, AggregationType, MeterProvider, MetricReader } = sdk

class Reader extends MetricReader {
  onForceFlush() {}
  onShutdown() {}
}

async function collect(temporality) {
  const reader = new Reader({
    aggregationTemporalitySelector: () => temporality,
  })
  const provider = new MeterProvider({
    resource: resourceFromAttributes({
      'service.name': 'shop',
      'service.namespace': 'web',
      'service.instance.id': 'a1',
      'host.name': 'node-7',
      'process.command_args': ['node', 'server.js'],
      'process.pid': 4711,
    }),
    readers: [reader],
    views: [
      {
        instrumentName: 'exponential.*',
        aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
      },
    ],
  })
  const meter = provider.getMeter('checkout', '1.2.3', { schemaUrl: 'https://example.com/schema' })
  const counter = meter.createCounter('orders', { unit: '{order}', description: 'Orders taken.' })
  counter.add(3, { 'payment.method': 'card', express: true })
  counter.add(2, { 'payment.method': 'cash', express: false })
  meter.createCounter('revenue', { unit: 'EUR', valueType: ValueType.DOUBLE }).add(12.5)
  meter.createUpDownCounter('carts.open', { valueType: ValueType.INT }).add(-4)
  meter.createGauge('temperature', { unit: 'Cel' }).record(21.5, { room: 'ä "1"' })
  meter
    .createObservableCounter('cpu.time', { unit: 's' })
    .addCallback((result) => result.observe(17.25, { state: 'idle', core: 3 }))
  meter.createObservableUpDownCounter('queue', { unit: '1' }).addCallback((result) => result.observe(-2))
  meter.createObservableGauge('load', { unit: '1' }).addCallback((result) => result.observe(0.75))
  const histogram = meter.createHistogram('request.duration', { unit: 'ms' })
  for (const value of [1, 7, 7, 80, 20_000]) histogram.record(value, { route: '/' })
  const exponential = meter.createHistogram('exponential.size', { unit: 'By' })
  // Near each other, so that the SDK stays at its finest scale.
  for (const value of [1, 1.00001, 1.00002]) exponential.record(value, { near: 'yes' })
  for (const value of [0, 0.001, 5, 1e9]) exponential.record(value, { near: 'no' })
  const { resourceMetrics, errors } = await reader.collect()
  if (errors.length > 0) throw errors[0]
  return resourceMetrics
}

const bodies = []
for (const [name, temporality] of [
  ['cumulative', AggregationTemporality.CUMULATIVE],
  ['delta', AggregationTemporality.DELTA],
]) {
  const metrics = await collect(temporality)
  const base64 = (bytes) => Buffer.from(bytes).toString('base64')
  bodies.push({
    temporality: name,
    protobuf: base64(ProtobufMetricsSerializer.serializeRequest(metrics)),
    json: base64(JsonMetricsSerializer.serializeRequest(metrics)),
  })
}
const origin =
  'What @opentelemetry/otlp-transformer 0.223.1 makes of what @opentelemetry/sdk-metrics 2.12.1 collects; written by test/support/make-otlp-bodies.mjs.'
process.stdout.write(`${JSON.stringify({ origin, bodies }, null, 2)}\n`)
