import { describe, expect, it } from 'vitest'
import { eventually, eventuallyHolds } from './eventually.ts'

const SHORT = { deadlineMs: 60, intervalMs: 5 }

describe('eventually', () => {
  it('asks until the answer is good and returns it', async () => {
    let asked = 0
    expect(
      await eventually(
        'three',
        () => ++asked,
        (n) => n === 3,
        SHORT,
      ),
    ).toBe(3)
  })

  it('asks again after an error', async () => {
    let asked = 0
    const ask = (): string => {
      if (++asked < 3) throw new Error('not yet')
      return 'here'
    }
    expect(await eventually('an answer', ask, Boolean, SHORT)).toBe('here')
  })

  it.each([
    ['the last answer', () => ({ series: 7 }), /never: not within 60 ms; last seen: \{ series: 7 \}/],
    [
      'the last error',
      () => Promise.reject(new Error('refused')),
      /never: not within 60 ms; last error: refused/,
    ],
  ])('fails with %s', async (_why, ask: () => unknown, message) => {
    await expect(eventually('never', ask, () => false, SHORT)).rejects.toThrow(message)
  })

  it('fails with the failure of the assertion itself', async () => {
    await expect(eventuallyHolds(() => expect(1).toBe(2), SHORT)).rejects.toThrow(/expected 1 to be 2/)
  })
})
