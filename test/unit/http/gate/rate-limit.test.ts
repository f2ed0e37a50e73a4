import { describe, expect, it } from 'vitest'
import { makeBucket } from '../../../../src/http/gate/rate-limit.ts'

function open(intervalMs: number, burst: number) {
  const clock = { nowMs: 1000 }
  const bucket = makeBucket({ intervalMs, burst }, () => clock.nowMs)
  const takeAll = () => {
    let taken = 0
    while (bucket.take()) taken += 1
    return taken
  }
  return { bucket, clock, takeAll }
}

describe('a bucket', () => {
  it('is full at first', () => {
    expect(open(100, 5).takeAll()).toBe(5)
  })

  it('gets a token every interval, up to what it holds', () => {
    const { clock, takeAll } = open(100, 5)
    takeAll()
    clock.nowMs += 250
    expect(takeAll()).toBe(2)
    clock.nowMs += 50
    expect(takeAll()).toBe(1)
    clock.nowMs += 1_000_000
    expect(takeAll()).toBe(5)
  })

  it('counts intervals below a millisecond', () => {
    const { clock, takeAll } = open(0.1, 100)
    takeAll()
    clock.nowMs += 2
    expect(takeAll()).toBeGreaterThanOrEqual(19)
  })
})
