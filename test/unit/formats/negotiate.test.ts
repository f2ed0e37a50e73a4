import { describe, expect, it } from 'vitest'
import { offers } from '../../../src/formats/index.ts'
import { acceptsGzip, negotiate } from '../../../src/formats/negotiate.ts'

const OM1 = 'application/openmetrics-text;version=1.0.0'
const OM0 = 'application/openmetrics-text;version=0.0.1'
const PROTO = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'

const TEXT_ANSWER = 'text/plain; version=0.0.4; charset=utf-8'
const OM1_ANSWER = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const PROTO_ANSWER =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
const OM0_ANSWER = 'application/openmetrics-text; version=0.0.1; charset=utf-8'

describe('negotiation', () => {
  it.each([
    ['no header at all', undefined, TEXT_ANSWER, 'underscores'],
    ['an empty header', '', TEXT_ANSWER, 'underscores'],
    ['curl', '*/*', TEXT_ANSWER, 'underscores'],
    [
      'a browser',
      'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
      TEXT_ANSWER,
      'underscores',
    ],
    [
      'Prometheus 2.42',
      `${OM1},${OM0};q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
      OM1_ANSWER,
      'underscores',
    ],
    [
      'Prometheus 2.42 with native histograms',
      `${PROTO},${OM1};q=0.8,${OM0};q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
      PROTO_ANSWER,
      'underscores',
    ],
    [
      'Prometheus 2.49.0, whose wildcard has a weight that cannot be',
      `${OM1};q=0.5,${OM0};q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=2`,
      OM1_ANSWER,
      'underscores',
    ],
    [
      'Prometheus 2.50 to 2.54',
      `${OM1};q=0.5,${OM0};q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2`,
      OM1_ANSWER,
      'underscores',
    ],
    [
      'Prometheus 2.50 to 2.54 that prefers protobuf',
      `${PROTO};q=0.5,${OM1};q=0.4,${OM0};q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
      PROTO_ANSWER,
      'underscores',
    ],
    [
      'Prometheus 2.55 with UTF-8 names',
      `${OM1};escaping=allow-utf-8;q=0.5,${OM0};escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;escaping=allow-utf-8;q=0.2`,
      OM1_ANSWER,
      'allow-utf-8',
    ],
    [
      'Prometheus 3.0, which repeats a parameter',
      `${OM1};escaping=allow-utf-8;q=0.6,${OM0};escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;escaping=allow-utf-8;q=0.2`,
      OM1_ANSWER,
      'allow-utf-8',
    ],
    [
      'Prometheus 3.4 and later',
      `${OM1};escaping=allow-utf-8;q=0.6,${OM0};q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2`,
      OM1_ANSWER,
      'allow-utf-8',
    ],
    [
      'Prometheus 3.4 with legacy names',
      `${OM1};escaping=underscores;q=0.6,${OM0};q=0.5,text/plain;version=1.0.0;escaping=underscores;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2`,
      OM1_ANSWER,
      'underscores',
    ],
    [
      'OpenMetrics without a version, which is the oldest',
      'application/openmetrics-text',
      OM0_ANSWER,
      'underscores',
    ],
    ['OpenMetrics 0.0.1', OM0, OM0_ANSWER, 'underscores'],
    ['a version nobody offers', 'application/openmetrics-text;version=2.0.0', TEXT_ANSWER, 'underscores'],
    ['text 1.0.0, which is not on offer', 'text/plain;version=1.0.0', TEXT_ANSWER, 'underscores'],
    ['text before OpenMetrics', `text/plain;version=0.0.4,${OM1};q=0.9`, TEXT_ANSWER, 'underscores'],
    ['equal weights: the first wins', `${OM0},${OM1}`, OM0_ANSWER, 'underscores'],
    ['a weight that is no number comes last', `${OM1};q=high,text/plain;q=0.1`, TEXT_ANSWER, 'underscores'],
    ['a weight that is no number is still an entry', `${OM1};q=high`, OM1_ANSWER, 'underscores'],
    ['weight 0 refuses', `${OM1};q=0,${OM0};q=0.0`, TEXT_ANSWER, 'underscores'],
    ['weights above 1 count as 1', `${OM0};q=1,${OM1};q=7`, OM0_ANSWER, 'underscores'],
    [
      'names and types in any case',
      'Application/OpenMetrics-Text; Version=1.0.0; Q=0.5',
      OM1_ANSWER,
      'underscores',
    ],
    ['a quoted parameter', 'application/openmetrics-text;version="1.0.0"', OM1_ANSWER, 'underscores'],
    ['an escaping nobody knows', `${OM1};escaping=rot13`, OM1_ANSWER, 'underscores'],
    ['another escaping', `${OM1};escaping=dots`, OM1_ANSWER, 'dots'],
    [
      'the escaping of an entry that was passed over',
      `text/html;escaping=values,${OM1};q=0.5`,
      OM1_ANSWER,
      'values',
    ],
    [
      'not the escaping of an entry after the winner',
      `${OM1},text/plain;escaping=dots;q=0.5`,
      OM1_ANSWER,
      'underscores',
    ],
    [
      'protobuf that is not delimited',
      `${PROTO.replace('delimited', 'text')},${OM1};q=0.1`,
      OM1_ANSWER,
      'underscores',
    ],
    ['garbage', ';;;,,,=,q=1;q', TEXT_ANSWER, 'underscores'],
    ['a header of absurd length', `${'a/b,'.repeat(10_000)}${OM1}`, TEXT_ANSWER, 'underscores'],
  ])('answers %s', (_why, accept, contentType, escaping) => {
    const answer = negotiate(accept, offers)
    expect(answer.contentType).toBe(`${contentType}; escaping=${escaping}`)
    expect(answer.escaping).toBe(escaping)
    expect(answer.writer.name).toBe(nameOf(contentType))
  })

  it('answers only with what is on offer', () => {
    const [textOnly] = offers
    expect(negotiate(OM1, [textOnly]).writer.name).toBe('text')
  })
})

function nameOf(contentType: string): string {
  if (contentType === TEXT_ANSWER) return 'text'
  return contentType === PROTO_ANSWER ? 'protobuf' : 'openmetrics'
}

describe('a client accepts gzip', () => {
  it.each([
    ['says nothing', undefined, false],
    ['says an empty nothing', '', false],
    ['is Prometheus', 'gzip', true],
    ['is a browser', 'gzip, deflate, br, zstd', true],
    ['refuses it', 'gzip;q=0', false],
    ['refuses it in more words', 'gzip; q=0.000, deflate', false],
    ['takes it if it must', 'identity, gzip;q=0.1', true],
    ['takes anything', '*', true],
    ['takes anything else', '*, gzip;q=0', false],
    ['takes nothing', '*;q=0', false],
    ['takes nothing but this', '*;q=0, gzip', true],
    ['takes only others', 'deflate, br', false],
    ['writes in capitals', 'GZIP', true],
    ['names something longer', 'gzip2', false],
  ])('when it %s: %s is %s', (_why, header, expected) => {
    expect(acceptsGzip(header)).toBe(expected)
  })
})
