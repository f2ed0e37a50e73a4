import { describe, expect, it } from 'vitest'
import { screenOf } from '../../../src/cli/screen.ts'

const TTY = { isTTY: true, columns: 100, rows: 30 }
const PIPE = {}

describe('colours', () => {
  it.each([
    ['are there on a terminal', TTY, {}, false, true],
    ['are not there in a pipe', PIPE, {}, false, false],
    ['are switched off by --no-color', TTY, { CLICOLOR_FORCE: '1' }, true, false],
    [
      'are switched off by NO_COLOR, whatever it holds',
      TTY,
      { NO_COLOR: '0', CLICOLOR_FORCE: '1' },
      false,
      false,
    ],
    ['are not switched off by an empty NO_COLOR', TTY, { NO_COLOR: '' }, false, true],
    ['are forced into a pipe', PIPE, { CLICOLOR_FORCE: '1' }, false, true],
    ['are not forced by 0', PIPE, { CLICOLOR_FORCE: '0' }, false, false],
    ['are switched off by CLICOLOR=0', TTY, { CLICOLOR: '0' }, false, false],
    ['are not for a dumb terminal', TTY, { TERM: 'dumb' }, false, false],
  ])('%s', (_what, stream, env, noColor, isColoured) => {
    const { paint } = screenOf({ stream, env, noColor })
    expect(paint('x', 'red')).toBe(isColoured ? '\u001b[31mx\u001b[39m' : 'x')
  })

  it('never make a terminal of a pipe', () => {
    expect(screenOf({ stream: PIPE, env: { CLICOLOR_FORCE: '1' }, noColor: false }).isTerminal).toBe(false)
  })
})

describe('a size', () => {
  it('is that of the terminal, or a usual one where it does not say', () => {
    expect(screenOf({ stream: TTY, env: {}, noColor: false })).toMatchObject({ width: 100, height: 30 })
    const unknown = { isTTY: true, columns: 0, rows: 0 }
    expect(screenOf({ stream: unknown, env: {}, noColor: false })).toMatchObject({ width: 80, height: 24 })
  })
})
