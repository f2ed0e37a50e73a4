import { describe, expect, it } from 'vitest'
import { codeOf, type Ending, notStarted } from '../../../../src/cli/job/ending.ts'

describe('the code of a command', () => {
  it.each<[Ending, number]>([
    [{ kind: 'exit', code: 0 }, 0],
    [{ kind: 'exit', code: 255 }, 255],
    [{ kind: 'signal', signal: 'SIGKILL' }, 137],
    [{ kind: 'signal', signal: 'SIGTERM' }, 143],
    [{ kind: 'too-long' }, 124],
  ])('that ended with %j is %i', (ending, code) => {
    expect(codeOf(ending)).toBe(code)
  })

  it.each([
    ['ENOENT', 127],
    ['EACCES', 126],
    ['E2BIG', 126],
    ['ESOMETHING', 126],
  ])('that cannot be run because of %s is %i', (code, exit) => {
    expect(notStarted('x', Object.assign(new Error('why'), { code }))).toMatchObject({
      kind: 'not-started',
      code: exit,
    })
  })
})
