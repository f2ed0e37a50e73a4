import * as Errors from '@oclif/core/errors'
import { describe, expect, it } from 'vitest'
import { liftFailure } from '../../../src/cli/report.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

describe('a failure', () => {
  it.each([
    [
      'a misspelt flag leads to the one meant, without its value',
      new Errors.CLIError('Nonexistent flag: --redis.pasword=hunter2\nSee more help with --help', {
        exit: 2,
      }),
      'there is no flag --redis.pasword, did you mean --redis.password?',
    ],
    [
      'an unknown flag leads to help',
      new Errors.CLIError('Nonexistent flags: --colour, --taste\nSee more help with --help', { exit: 2 }),
      'there is no flag --colour (--help lists all)',
    ],
    [
      'other words',
      new Errors.CLIError('Unexpected argument: x', { exit: 2 }),
      'unexpected argument: x (--help shows how)',
    ],
    [
      'an unknown command of a topic',
      new Errors.CLIError('command check:foo not found', { exit: 127 }),
      'command check foo not found (--help shows how)',
    ],
    [
      'an unknown command',
      new Errors.CLIError('command psh not found', { exit: 127 }),
      'command psh not found (--help shows how)',
    ],
  ])('of usage exits with 2: %s', (_why, reason, message) => {
    const error = liftFailure(reason)
    expect([error.code, error.failure.exit, error.message]).toEqual(['PGR_SETTING_INVALID', 2, message])
  })

  it('that is known keeps its code', () => {
    const error = new PgrError('PGR_GATEWAY_BUSY', 'busy')
    expect(liftFailure(error)).toBe(error)
  })

  it.each([
    ['of our own', new TypeError('x is not a function')],
    ['of loading', new Errors.CLIError('cannot load', { exit: 1 })],
    ['that is no error', 'text'],
  ])('nobody foresaw is a defect: %s', (_why, reason) => {
    expect(liftFailure(reason).code).toBe('PGR_INTERNAL')
  })
})
