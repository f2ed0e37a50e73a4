import { describe, expect, it } from 'vitest'
import { ServerClock } from '../../../../src/store/redis/clock.ts'

describe('the server clock', () => {
  it('knows nothing before the server told', () => {
    expect(new ServerClock().at(1)).toBeUndefined()
  })

  it('is never estimated ahead of the server', () => {
    const clock = new ServerClock()
    // The server said 1000 at some time between 10 and 30 of ours: at least 970 ahead of us, at most 990.
    clock.observe(1000, 10, 30)
    expect(clock.at(100)).toBe(1070)
  })

  it('takes the better of two estimates, whichever came first', () => {
    const clock = new ServerClock()
    clock.observe(1000, 10, 30)
    clock.observe(1100, 119, 121)
    expect(clock.at(200)).toBe(1179)
    // A reply held up for 300 ms says little.
    clock.observe(1200, 215, 515)
    expect(clock.at(200)).toBe(1179)
  })

  it.each([
    ['forwards', 60_000],
    ['backwards', -60_000],
  ])('follows a server whose clock was set %s', (_way, jumpMs) => {
    const clock = new ServerClock()
    clock.observe(100_000, 10, 12)
    clock.observe(100_100 + jumpMs, 111, 112)
    expect(clock.at(112)).toBe(100_100 + jumpMs)
  })
})
