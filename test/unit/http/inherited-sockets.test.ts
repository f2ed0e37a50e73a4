import { describe, expect, it } from 'vitest'
import { inheritedSockets } from '../../../src/http/inherited-sockets.ts'

describe('inheritedSockets', () => {
  it.each([
    ['one', '1', [3]],
    ['several', '3', [3, 4, 5]],
  ])('are from descriptor 3 on: %s', (_why, fds, expected) => {
    expect(inheritedSockets({ LISTEN_PID: '7', LISTEN_FDS: fds }, 7, 'linux')).toEqual(expected)
  })

  it.each([
    ['nothing was handed over', {}, /LISTEN_PID and LISTEN_FDS are not set: start the socket unit/],
    ['there is no number', { LISTEN_PID: '7' }, /are not set/],
    ['the variables are empty', { LISTEN_PID: '', LISTEN_FDS: '' }, /are not set/],
    [
      'they are for another process',
      { LISTEN_PID: '8', LISTEN_FDS: '1' },
      /are for process "8", and this is 7/,
    ],
    ['there are none', { LISTEN_PID: '7', LISTEN_FDS: '0' }, /LISTEN_FDS is "0"/],
    ['the number is none', { LISTEN_PID: '7', LISTEN_FDS: '-1' }, /LISTEN_FDS is "-1"/],
    ['the number is absurd', { LISTEN_PID: '7', LISTEN_FDS: '9999' }, /LISTEN_FDS is "9999"/],
  ])('are refused when %s', (_why, env, message) => {
    expect(() => inheritedSockets(env, 7, 'linux')).toThrow(
      expect.objectContaining({ code: 'PGR_START_FAILED', message: expect.stringMatching(message) }),
    )
  })

  it('are refused elsewhere', () => {
    expect(() => inheritedSockets({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7, 'darwin')).toThrow(/on Linux only/)
  })
})
