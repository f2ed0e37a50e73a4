import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { writers } from '../../../src/formats/index.ts'
import { appendOwn, readOwn } from '../../../src/http/own-metrics.ts'
import { decodeDelimited, encodeDelimited } from '../../support/prometheus-protobuf.ts'

const OWN = [
  '# HELP process_cpu_seconds_total CPU.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1\n',
  '# HELP pgr_units Units.\n# TYPE pgr_units gauge\npgr_units{kind="a"} 3\n',
].join('\n')

async function bytesOf(
  format: 'text' | 'protobuf',
  pushed: readonly Uint8Array[],
  compress = false,
): Promise<Buffer> {
  const writer = writers.get(format)
  if (writer === undefined) throw new Error(`nothing writes ${format}`)
  const page = { chunks: pushed, bytes: pushed.reduce((sum, { length }) => sum + length, 0) }
  const { chunks, bytes } = await appendOwn(page, readOwn(OWN), { writer, escaping: 'underscores', compress })
  const joined = Buffer.concat(chunks)
  expect(bytes).toBe(joined.length)
  return compress ? gunzipSync(joined) : joined
}

describe('own metrics after pushed ones', () => {
  it.each([false, true])('follow a page of text without blank lines; gzip: %s', async (compress) => {
    const pushed = '# TYPE a gauge\na 1\n'
    expect((await bytesOf('text', [Buffer.from(pushed)], compress)).toString()).toBe(
      pushed + OWN.replace('\n\n', '\n'),
    )
  })

  it('follow a page of protobuf', async () => {
    const pushed = encodeDelimited({ name: 'a', type: 1, metric: [{ gauge: { value: 1 } }] })
    expect(decodeDelimited(await bytesOf('protobuf', [pushed]))).toMatchObject([
      { name: 'a' },
      { name: 'process_cpu_seconds_total', help: 'CPU.', metric: [{ counter: { value: 1 } }] },
      {
        name: 'pgr_units',
        type: 1,
        metric: [{ label: [{ name: 'kind', value: 'a' }], gauge: { value: 3 } }],
      },
    ])
  })
})
