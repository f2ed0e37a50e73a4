import { describe, expect, it } from 'vitest'
import { groupPath, parseGroupLabel } from '../../../src/client/group-path.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (reason) {
    return reason instanceof PgrError ? reason.code : 'another error'
  }
  return 'accepted'
}

describe('the path of a group', () => {
  it.each([
    ['only a job', 'backup', '/metrics/job/backup'],
    ['a blank', 'a b', '/metrics/job/a%20b'],
    ['a slash would split the value', 'a/b', '/metrics/job@base64/YS9i'],
    ['a slash and letters that differ in the URL alphabet', '/ü?>~', '/metrics/job@base64/L8O8Pz5-'],
    ['dots alone are steps to whatever normalises the path', '..', '/metrics/job@base64/Li4'],
    ['one dot, too', '.', '/metrics/job@base64/Lg'],
    ['three dots are not', '...', '/metrics/job/...'],
    ['a plus stays one', 'a+b', '/metrics/job/a%2Bb'],
    ['question mark and hash would end the path', 'a?b#c', '/metrics/job/a%3Fb%23c'],
    ['UTF-8', 'größe', '/metrics/job/gr%C3%B6%C3%9Fe'],
  ])('spells a job name: %s', (_why, job, path) => {
    expect(groupPath(job, [])).toBe(path)
    // What is sent is this path and no shortened one.
    expect(new URL(path, 'http://h').pathname).toBe(path)
  })

  it('holds labels in the order given, the empty value as a single =', () => {
    const labels = [
      { name: 'path', value: '/var/tmp' },
      { name: 'instance', value: '' },
      { name: 'a', value: 'b' },
    ]
    expect(groupPath('j', labels)).toBe('/metrics/job/j/path@base64/L3Zhci90bXA/instance@base64/=/a/b')
  })

  it('gives back what it was given when read as gateways read it', () => {
    const values = ['plain', '', '/', 'a/b', '..', 'ä€😀', 'a b+c', '%2F', '=']
    for (const value of values) {
      const [, , , , name = '', spelled = ''] = groupPath('j', [{ name: 'l', value }]).split('/')
      const read = name.endsWith('@base64')
        ? Buffer.from(spelled.replace(/=+$/, ''), 'base64url').toString()
        : decodeURIComponent(spelled)
      expect(read).toBe(value)
    }
  })

  it.each([
    ['no job', () => groupPath('', [])],
    ['job among the labels', () => groupPath('j', [{ name: 'job', value: 'k' }])],
    [
      'a label twice',
      () =>
        groupPath('j', [
          { name: 'a', value: '1' },
          { name: 'a', value: '2' },
        ]),
    ],
    ['a reserved name', () => groupPath('j', [{ name: '__name__', value: '1' }])],
    ['a name that would end the path', () => groupPath('j', [{ name: 'a?', value: '1' }])],
    ['a name that would ask for decoding', () => groupPath('j', [{ name: 'a@base64', value: '1' }])],
    ['an empty name', () => groupPath('j', [{ name: '', value: '1' }])],
  ])('is refused for %s', (_why, run) => {
    expect(codeOf(run)).toBe('PGR_SETTING_INVALID')
  })
})

describe('a grouping label on the command line', () => {
  it.each([
    ['plain', 'instance=db1', { name: 'instance', value: 'db1' }],
    ['further = belong to the value', 'a=b=c', { name: 'a', value: 'b=c' }],
    ['an empty value', 'a=', { name: 'a', value: '' }],
  ])('is read: %s', (_why, given, label) => {
    expect(parseGroupLabel(given)).toEqual(label)
  })

  it.each([
    ['no value', 'instance'],
    ['no name', '=x'],
    ['nothing', ''],
  ])('is refused with %s', (_why, given) => {
    expect(codeOf(() => parseGroupLabel(given))).toBe('PGR_SETTING_INVALID')
  })
})
