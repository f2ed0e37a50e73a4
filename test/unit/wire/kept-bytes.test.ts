import { describe, expect, it } from 'vitest'
import { writeStored, writeStoredMetric } from '../../../src/formats/stored/index.ts'
import { keptBytes } from '../../../src/wire/kept-bytes.ts'

/** What stays in memory because these bytes do. */
function heldBytes(kept: readonly Uint8Array[]): number {
  let bytes = 0
  for (const buffer of new Set(kept.map(({ buffer }) => buffer))) bytes += buffer.byteLength
  return bytes
}

describe('kept bytes', () => {
  it.each([1, 50, 3000])(
    'of %d bytes each stand close together, whatever is allocated in between',
    (size) => {
      const kept = Array.from({ length: 1000 }, (_, i) => {
        const body = Buffer.alloc(64 * 1024, i)
        Buffer.allocUnsafe(500)
        return keptBytes(body.subarray(3, 3 + size))
      })
      kept.forEach((bytes, i) => {
        expect(Buffer.from(bytes).equals(Buffer.alloc(size, i))).toBe(true)
      })
      expect(heldBytes(kept)).toBeLessThan(1.25 * 1000 * size + 2 * 16 * 1024)
    },
  )

  it('have a buffer of their own when they are large, and stay there', () => {
    const kept = keptBytes(Buffer.alloc(64 * 1024).subarray(0, 20_000))
    expect(kept.buffer.byteLength).toBe(20_000)
    expect(keptBytes(kept)).toBe(kept)
  })

  it('are what families and metrics are stored as', () => {
    const blobs = Array.from({ length: 1000 }, (_, i) => [
      writeStored({
        name: 'jobs',
        type: 'gauge',
        help: '',
        unit: '',
        metrics: [{ labels: [{ name: 'job', value: `job ${i}` }], value: i }],
      }),
      writeStoredMetric('summary', { labels: [], count: i, sum: i, quantiles: [] }),
    ]).flat()
    const bytes = blobs.reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(heldBytes(blobs)).toBeLessThan(1.25 * bytes + 2 * 16 * 1024)
  })
})
