import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { compressBody, detectFormat } from '../../../src/client/body.ts'

describe('the format of a body', () => {
  it.each([
    ['ends with # EOF', 'a 1\n# EOF\n', 'openmetrics'],
    ['ends with # EOF without a line end', 'a 1\n# EOF', 'openmetrics'],
    ['is nothing but # EOF', '# EOF\n', 'openmetrics'],
    ['does not end with it', '# EOF\na 1\n', 'text'],
    ['ends with a comment that looks like it', 'a 1\n## EOF\n', 'text'],
    ['ends with it inside a line', 'a{b="# EOF"} 1\n', 'text'],
    ['is empty', '', 'text'],
    ['ends with it and two line ends', 'a 1\n# EOF\n\n', 'text'],
  ])('is told by its end: it %s', (_why, body, format) => {
    expect(detectFormat(Buffer.from(body))).toBe(format)
  })

  it('does not depend on where the bytes lie in memory', () => {
    const whole = Buffer.from('a 1\n# EOF\nxxxxxxxxx')
    expect(detectFormat(whole.subarray(0, 10))).toBe('openmetrics')
  })
})

describe('compression', () => {
  it('leaves up to 1 kB alone', () => {
    expect(compressBody(Buffer.alloc(1024, 'a'))).toBeUndefined()
  })

  it('compresses more, losslessly', () => {
    const body = Buffer.alloc(1025, 'metric 1\n')
    const compressed = compressBody(body)
    expect(compressed?.length).toBeLessThan(200)
    expect(gunzipSync(compressed ?? '')).toEqual(body)
  })

  it('leaves alone what would only grow', () => {
    // Every 16-bit value once: no repetition to find.
    const noise = new Uint8Array(2048).map(
      (_, at) => (at * 167 + (at >> 3) * 59 + ((at * at) >> 5) * 31) & 255,
    )
    const compressed = compressBody(noise)
    expect(compressed === undefined || compressed.length < noise.length).toBe(true)
  })
})
