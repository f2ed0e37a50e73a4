import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { offers, readerFor, writers } from '../../../src/formats/index.ts'

describe('the reader of a push', () => {
  it.each([
    ['prom-client, which sends no type', undefined, 'text'],
    ['an empty type', '', 'text'],
    ['the text format', 'text/plain; version=0.0.4; charset=utf-8', 'text'],
    ['curl --data-binary', 'application/x-www-form-urlencoded', 'text'],
    ['a client whose library says JSON', 'application/json', 'text'],
    ['OpenMetrics', 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
    ['OpenMetrics in other letters', ' Application/OpenMetrics-Text;version=0.0.1', 'openmetrics'],
    ['a name of Object.prototype', 'constructor', 'text'],
    [
      'delimited protobuf',
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
      'protobuf',
    ],
    [
      'delimited protobuf, spelled otherwise',
      'Application/Vnd.Google.Protobuf;Encoding=delimited ; proto="io.prometheus.client.MetricFamily"',
      'protobuf',
    ],
  ])('for %s', (_why, contentType, name) => {
    expect(readerFor(contentType).name).toBe(name)
  })

  it.each([
    ['remote write 1.0', 'application/x-protobuf', '/api/v1/write'],
    ['remote write 2.0', 'application/x-protobuf;proto=io.prometheus.write.v2.Request', '/api/v1/write'],
    ['OTLP', 'application/x-protobuf', '/v1/metrics'],
    [
      'protobuf that is not delimited',
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily',
      'encoding=delimited',
    ],
    [
      'another message',
      'application/vnd.google.protobuf; proto=a.b; encoding=delimited',
      'io.prometheus.client.MetricFamily',
    ],
  ])('refuses %s and says where it goes', (_why, contentType, remedy) => {
    const failure = failureOf(() => readerFor(contentType))
    expect(failure.code).toBe('PGR_TYPE_UNSUPPORTED')
    expect(failure.message).toContain(remedy)
  })
})

describe('the writers', () => {
  it('are found by the name they give themselves', () => {
    for (const [name, writer] of writers) expect(writer.name).toBe(name)
    expect([...writers.keys()]).toEqual(['text', 'openmetrics', 'protobuf'])
  })

  it('are all on offer, text to whoever asks for nothing known', () => {
    expect(new Set(offers.map(({ writer }) => writer))).toEqual(new Set(writers.values()))
    expect(offers[0].writer.name).toBe('text')
  })
})

function failureOf(run: () => unknown): PgrError {
  try {
    run()
  } catch (reason) {
    if (reason instanceof PgrError) return reason
    throw reason
  }
  throw new Error('expected a refusal')
}
