import { describe, expect, it } from 'vitest'
import { makeInflight } from '../../../src/http/inflight.ts'

const OVERLOADED = expect.objectContaining({ code: 'PGR_OVERLOADED' })

describe('bytes in flight', () => {
  it('fill up to the limit and are free again after', () => {
    const inflight = makeInflight({ inflightBytes: 100 })
    const first = inflight.claim(60)
    first.take(60)
    expect(inflight.bytes).toBe(60)
    expect(() => inflight.claim(41)).toThrow(OVERLOADED)
    const second = inflight.claim(40)
    second.take(40)
    expect(() => second.take(1)).toThrow(OVERLOADED)
    first.release()
    second.take(1)
    expect(inflight.bytes).toBe(41)
    second.release()
    expect(inflight.bytes).toBe(0)
  })

  it('are not taken by a promise of bytes', () => {
    const inflight = makeInflight({ inflightBytes: 100 })
    inflight.claim(100)
    expect(inflight.bytes).toBe(0)
    expect(() => inflight.claim(100)).not.toThrow()
  })

  it('are given back once, however often it is said', () => {
    const inflight = makeInflight({ inflightBytes: 100 })
    const claim = inflight.claim(0)
    claim.take(10)
    claim.release()
    claim.release()
    expect(inflight.bytes).toBe(0)
  })
})
