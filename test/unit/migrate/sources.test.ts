import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { elementsOf } from '../../../src/migrate/json-elements.ts'
import { linesOf } from '../../../src/migrate/lines.ts'
import { readDetails } from '../../../src/migrate/pushgateway-details.ts'
import { readGroup } from '../../../src/migrate/pushgateway-group.ts'
import { encodeDelimited } from '../../support/prometheus-protobuf.ts'

/** Bytes as they may come from a connection: cut anywhere. */
async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : (sizes[i % sizes.length] as number)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

const anySizes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 })

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function codeOf(what: Promise<unknown>): Promise<string> {
  return what.then(
    () => 'was read',
    (reason) => (reason instanceof PgrError ? reason.code : String(reason)),
  )
}

describe('an answer of the API', () => {
  it('falls into its elements, wherever it is cut', async () => {
    const anyElement = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.array(fc.string()))))
    await fc.assert(
      fc.asyncProperty(fc.array(anyElement), anySizes, async (elements, sizes) => {
        const bytes = Buffer.from(JSON.stringify({ status: 'success', data: elements }))
        const texts = await collect(elementsOf(cut(bytes, sizes), 'a', 1e6))
        expect(texts).toEqual(elements.map((element) => JSON.stringify(element)))
      }),
    )
  })

  it('is refused when it was cut off, or an element is too long', async () => {
    const bytes = Buffer.from('{"status":"success","data":[{"a":"b"},{"c":"dddddddddddddddd"}]}')
    const read = (part: Uint8Array, most: number) => codeOf(collect(elementsOf(cut(part, [7]), 'a', most)))
    expect(await read(bytes.subarray(0, 40), 1e6)).toBe('PGR_BODY_MALFORMED')
    expect(await read(bytes.subarray(0, -1), 1e6)).toBe('PGR_BODY_MALFORMED')
    expect(await read(bytes, 10)).toBe('PGR_LIMIT_EXCEEDED')
  })
})

describe('lines', () => {
  it('are those of the text, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r', '😀') }),
        anySizes,
        async (text, sizes) => {
          const lines = await collect(linesOf(cut(Buffer.from(text), sizes), 'a'))
          const expected = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n')
          expect(lines.map((line) => line.text)).toEqual(text === '' ? [] : expected)
          expect(lines.map((line) => line.number)).toEqual(lines.map((_, i) => i + 1))
        },
      ),
    )
  })

  it('that are too long are refused before they are there', async () => {
    expect(await codeOf(collect(linesOf(cut(Buffer.from('a\nbbbbbbbbbb'), [3]), 'a', 5)))).toBe(
      'PGR_LIMIT_EXCEEDED',
    )
  })
})

describe('a page of Pushgateway', () => {
  const exemplar = { label: [{ name: 'trace', value: 'x' }], value: 1, timestamp: { seconds: 5 } }
  const group = [{ name: 'job', value: 'a' }]
  const page = encodeDelimited(
    { name: 'plain', help: '', type: 1, metric: [{ label: group, gauge: { value: 1 } }] },
    { name: 'with_total', help: '', type: 0, metric: [{ label: group, counter: { value: 2, exemplar } }] },
    {
      name: 'push_time_seconds',
      help: '',
      type: 1,
      metric: [{ label: group, gauge: { value: 1 } }, { gauge: { value: 2 } }],
    },
  )

  it('gives what the API leaves out, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(anySizes, async (sizes) => {
        const { details, groups } = await readDetails(cut(page, sizes), 'a')
        expect(groups).toBe(2)
        expect([...details.values()]).toEqual([
          {
            labels: group,
            value: 2,
            exemplar: { labels: [{ name: 'trace', value: 'x' }], value: 1, timestampMs: 5000 },
          },
        ])
      }),
    )
  })

  it('is refused when it was cut off', async () => {
    expect(await codeOf(readDetails(cut(page.subarray(0, -3), [9]), 'a'))).toBe('PGR_BODY_MALFORMED')
  })

  it('and the API make a group', async () => {
    const { details } = await readDetails(cut(page, []), 'a')
    const labels = { job: 'a', instance: '' }
    const text = JSON.stringify({
      labels: { job: 'a' },
      last_push_successful: true,
      push_time_seconds: {
        time_stamp: '2026-01-01T00:00:00Z',
        type: 'GAUGE',
        metrics: [{ labels, value: '1' }],
      },
      h: {
        type: 'HISTOGRAM',
        help: 'h',
        metrics: [
          { labels: { ...labels, x: '1' }, count: '3', sum: 'NaN', buckets: { '+Inf': '3', '1': '2' } },
        ],
      },
      with_total: { type: 'COUNTER', metrics: [{ labels: { job: 'a' }, value: '7' }] },
    })
    expect(readGroup(text, details, 'a')).toEqual({
      kind: 'group',
      labels: group,
      pushedMs: Date.UTC(2026, 0, 1),
      lots: [
        {
          ttlMs: 0,
          family: {
            name: 'h',
            type: 'histogram',
            help: 'h',
            unit: '',
            metrics: [
              {
                labels: [{ name: 'x', value: '1' }],
                count: 3,
                sum: Number.NaN,
                buckets: [
                  { upperBound: 1, cumulativeCount: 2 },
                  { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 3 },
                ],
              },
            ],
          },
        },
        {
          ttlMs: 0,
          family: {
            name: 'with_total',
            type: 'counter',
            help: '',
            unit: '',
            metrics: [{ labels: [], value: 2, exemplar: expect.anything() }],
          },
        },
      ],
    })
  })

  it.each([
    ['text', 'a'],
    ['no labels', '{"a":{"type":"GAUGE","metrics":[]}}'],
    ['a family of that name', '{"labels":{"type":"GAUGE","metrics":[]}}'],
    ['an unknown type', '{"labels":{"job":"a"},"x":{"type":"GUAGE","metrics":[]}}'],
    [
      'a value that is none',
      '{"labels":{"job":"a"},"x":{"type":"GAUGE","metrics":[{"labels":{},"value":"x"}]}}',
    ],
  ])('is refused as a group: %s', async (_what, text) => {
    expect(await codeOf((async () => readGroup(text, new Map(), 'a'))())).toBe('PGR_BODY_MALFORMED')
  })
})
