import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { assertWithin } from '../../../src/wire/limits.ts'

describe('assertWithin', () => {
  it('lets the limit itself pass', () => {
    expect(() => assertWithin(10, 10, 'the body', 'push.max-body')).not.toThrow()
  })

  it('refuses one byte more, naming both sizes and the setting', () => {
    try {
      assertWithin(10, 11, 'the body', 'push.max-body')
      expect.unreachable()
    } catch (reason) {
      expect(reason).toBeInstanceOf(PgrError)
      const { code, message } = reason as PgrError
      expect(code).toBe('PGR_BODY_TOO_LARGE')
      expect(message).toMatch(/the body is 11 bytes.* 10.*push\.max-body/)
    }
  })
})
