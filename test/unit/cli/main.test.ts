import { describe, expect, it } from 'vitest'
import { wantsJson, withCommand } from '../../../src/cli/main.ts'

describe('a command line', () => {
  it.each([
    ['flags alone are those of the server', ['--port=1'], ['serve', '--port=1']],
    ['a short flag alone, too', ['-p', '1'], ['serve', '-p', '1']],
    ['nothing is help', [], []],
    ['help is help', ['--help'], ['--help']],
    ['short help, too', ['-h'], ['-h']],
    ['the version is the version', ['--version'], ['--version']],
    ['a command stays', ['push', '--job=j'], ['push', '--job=j']],
  ])('is completed: %s', (_why, given, completed) => {
    expect(withCommand(given)).toEqual(completed)
  })

  it.each([
    ['anywhere', ['push', 'f', '--json'], true],
    ['not behind --', ['push', '--', '--json'], false],
    ['not as part of a word', ['push', '--json=x'], false],
  ])('asks for JSON: %s', (_why, argv, wants) => {
    expect(wantsJson(argv)).toBe(wants)
  })
})
