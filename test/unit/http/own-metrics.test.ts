import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { appendOwn } from '../../../src/http/own-metrics.ts'

const OWN = [
  '# HELP process_cpu_seconds_total CPU.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1\n',
  '# HELP pgr_units Units.\n# TYPE pgr_units gauge\npgr_units 3\n',
].join('\n')

function pageOf(...texts: string[]) {
  const chunks = texts.map((text) => Buffer.from(text))
  return { chunks, bytes: chunks.reduce((sum, { length }) => sum + length, 0) }
}

async function textOf(pushed: string[], compress = false): Promise<string> {
  const { chunks, bytes } = await appendOwn(pageOf(...pushed), OWN, compress)
  const joined = Buffer.concat(chunks)
  expect(bytes).toBe(joined.length)
  return (compress ? gunzipSync(joined) : joined).toString()
}

describe('own metrics after pushed ones', () => {
  it('follow the page without blank lines', async () => {
    expect(await textOf(['# TYPE a gauge\na 1\n'])).toBe(`# TYPE a gauge\na 1\n${OWN.replace('\n\n', '\n')}`)
  })

  it('are left out where a pushed family has the name', async () => {
    const text = await textOf([
      '# TYPE a gauge\na 1\n',
      '# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 7\n',
    ])
    expect(text.match(/# TYPE process_cpu_seconds_total/g)).toHaveLength(1)
    expect(text).toContain('process_cpu_seconds_total 7\n')
    expect(text).toContain('pgr_units 3\n')
  })

  it('are not kept out by a help text that looks like a type line', async () => {
    expect(await textOf(['# HELP a about # TYPE pgr_units gauge\n# TYPE a gauge\na 1\n'])).toContain(
      'pgr_units 3\n',
    )
  })

  it('are part of the compressed page', async () => {
    expect(await textOf(['# TYPE a gauge\na 1\n'], true)).toContain('pgr_units 3\n')
  })
})
