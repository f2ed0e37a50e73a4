import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { type GroupPathOptions, parseGroupPath, rememberGroupPaths } from '../../../src/http/group-path.ts'
import { showLabels } from '../../../src/model/labels.ts'
import { escapeLabelName } from '../../../src/model/names.ts'

const OPTIONS: GroupPathOptions = {
  utf8Names: false,
  limits: { labelsPerSeries: 8, nameLength: 64, valueLength: 256 },
}
const UTF8: GroupPathOptions = { ...OPTIONS, utf8Names: true }

function parse(path: string, options = OPTIONS): string {
  return showLabels(parseGroupPath(path, options))
}

function refusal(path: string, options = OPTIONS): PgrError {
  try {
    parseGroupPath(path, options)
  } catch (reason) {
    if (reason instanceof PgrError) return reason
    throw reason
  }
  throw new Error(`${path} was accepted`)
}

describe('parseGroupPath', () => {
  it.each([
    ['a job alone', 'job/a', '{job="a"}'],
    ['a slash at the end', 'job/a/', '{job="a"}'],
    ['labels, sorted whatever their order', 'job/a/z/1/b/2', '{b="2",job="a",z="1"}'],
    ['a slash at the end after a label as its empty value', 'job/a/b/', '{b="",job="a"}'],
    ['the last of a repeated label', 'job/a/x/1/x/2', '{job="a",x="2"}'],
    ['the first of a repeated job', 'job/a/job/b/job/c', '{job="a"}'],
    ['an encoded slash as part of the value', 'job/a%2Fb/c/%2F', '{c="/",job="a/b"}'],
    ['a blank, and a plus as a plus', 'job/a%20b+c', '{job="a b+c"}'],
    ['UTF-8', 'job/gr%C3%B6%C3%9Fe', '{job="größe"}'],
    [
      'UTF-8 sent without encoding, which arrives byte by byte',
      'job/gr\u00c3\u00b6\u00c3\u009fe',
      '{job="größe"}',
    ],
    ['dots, which are no steps here', 'job/./b/..', '{b="..",job="."}'],
    ['an encoded label name', 'job/a/%62/c', '{b="c",job="a"}'],
    ['a job that looks like base64 but is not said to be', 'job/YQ==', '{job="YQ=="}'],
    ['the name __proto__ as a value', 'job/__proto__', '{job="__proto__"}'],
    [
      'labels named like parts of an object',
      'job/a/constructor/b/toString/c',
      '{constructor="b",job="a",toString="c"}',
    ],
    ['base64 in the job', 'job@base64/L3Zhci90bXA=', '{job="/var/tmp"}'],
    ['base64 without padding', 'job@base64/L3Zhci90bXA', '{job="/var/tmp"}'],
    ['base64 with encoded padding', 'job@base64/YQ%3D%3D', '{job="a"}'],
    ['base64 in a label', 'job/a/path@base64/L3Zhci90bXA', '{job="a",path="/var/tmp"}'],
    ['a lone equals sign as the empty value', 'job/a/b@base64/=', '{b="",job="a"}'],
    ['base64 of UTF-8', 'job@base64/4pyT', '{job="✓"}'],
    ['the standard alphabet, percent-encoded', 'job@base64/fn5%2Bfn4%2F', '{job="~~~~~?"}'],
    ['the same in the URL alphabet', 'job@base64/fn5-fn4_', '{job="~~~~~?"}'],
    ['bits left over at the end, as Go does', 'job@base64/YR', '{job="a"}'],
    [
      'a spelled-out name as it stands when UTF-8 names are off',
      'job/a/U__b_2e_c/d',
      '{U__b_2e_c="d",job="a"}',
    ],
  ])('takes %s', (_why, path, labels) => {
    expect(parse(path)).toBe(labels)
  })

  it.each([
    ['no job', 'job/', 'job name is required'],
    ['no job before labels', 'job//b/c', 'job name is required'],
    ['an empty base64 job', 'job@base64/=', 'job name is required'],
    ['half a label', 'job/a/b', 'odd number of components in label string "/b"'],
    ['half a label after a whole one', 'job/a/b/c/d', 'odd number of components in label string "/b/c/d"'],
    ['a slash at the end after a value', 'job/a/b/c/', 'odd number of components in label string "/b/c/"'],
    ['a digit in front', 'job/a/0b/c', 'improper label name "0b"'],
    ['a hyphen in the name', 'job/a/b-c/d', 'improper label name "b-c"'],
    ['a slash in the name', 'job/a/b%2Fc/d', 'improper label name "b/c"'],
    ['a reserved name', 'job/a/__x/d', 'improper label name "__x"'],
    ['the metric name', 'job/a/__name__/d', 'improper label name "__name__"'],
    ['the name __proto__, reserved like the others', 'job/a/__proto__/d', 'improper label name "__proto__"'],
    ['no name before the suffix', 'job/a/@base64/YQ', 'improper label name ""'],
    ['the suffix twice', 'job/a/b@base64@base64/YQ', 'improper label name "b@base64"'],
    ['another suffix', 'job/a/b@hex/YQ', 'improper label name "b@hex"'],
    [
      'no base64',
      'job/a/b@base64/!!',
      'invalid base64 encoding for label b="!!": illegal base64 data at input byte 0',
    ],
    [
      'one digit of base64',
      'job/a/b@base64/Y',
      'invalid base64 encoding for label b="Y": illegal base64 data at input byte 0',
    ],
    [
      'padding within base64',
      'job/a/b@base64/Y=Q',
      'invalid base64 encoding for label b="Y=Q": illegal base64 data at input byte 1',
    ],
    [
      'a digit too many in the job',
      'job@base64/YWJjZ',
      'invalid base64 encoding in job name "YWJjZ": illegal base64 data at input byte 4',
    ],
    [
      'base64 of what is not UTF-8',
      'job@base64/_w',
      'invalid base64 encoding in job name "_w": it is not UTF-8',
    ],
  ])('refuses %s', (_why, path, message) => {
    expect(refusal(path)).toMatchObject({ code: 'PGR_PATH_INVALID', message })
  })

  it.each([
    ['a name', 'job/a//b'],
    ['a value', 'job/a/b//c/d'],
    ['what may be either', 'job/a/b//'],
    ['both', 'job/a//'],
  ])('tells how to write an empty value where two slashes leave out %s', (_why, path) => {
    const { code, message } = refusal(path)
    expect(code).toBe('PGR_PATH_INVALID')
    expect(message).toContain('@base64/=')
  })

  it.each([
    ['half an escape', 'job/a%2'],
    ['letters after the percent sign', 'job/%zz'],
    ['bytes that are not UTF-8', 'job/a/b/%ff'],
    ['the same sent without encoding', 'job/\u00ff'],
    ['half a surrogate', 'job/%ED%A0%80'],
  ])('refuses %s', (_why, path) => {
    expect(refusal(path).code).toBe('PGR_PATH_INVALID')
  })

  it.each([
    ['labels', `job/a${Array.from({ length: 8 }, (_, i) => `/l${i}/v`).join('')}`, 'push.max-labels'],
    ['characters of a name', `job/a/${'n'.repeat(65)}/v`, 'push.max-name-length'],
    ['characters of a value', `job/${'v'.repeat(257)}`, 'push.max-value-length'],
  ])('holds the number of %s to the limit of any series', (_why, path, setting) => {
    const { code, message } = refusal(path)
    expect(code).toBe('PGR_LIMIT_EXCEEDED')
    expect(message).toContain(setting)
  })

  it.each([
    ['spelled out', 'job/a/U__b_2e_c/d', '{b.c="d",job="a"}'],
    ['percent-encoded', 'job/a/gr%C3%B6%C3%9Fe/d', '{größe="d",job="a"}'],
    ['spelled out, with a base64 value', 'job/a/U__b_2e_c@base64/YQ', '{b.c="a",job="a"}'],
  ])('takes a UTF-8 name %s when they are allowed', (_why, path, labels) => {
    expect(parse(path, UTF8)).toBe(labels)
  })

  it.each([
    ['a reserved name behind its spelling', 'job/a/U___5f__5f_x/d'],
    ['an empty name', 'job/a/@base64/d'],
  ])('refuses %s when UTF-8 names are allowed', (_why, path) => {
    expect(refusal(path, UTF8).code).toBe('PGR_PATH_INVALID')
  })

  it('reads back every group in either spelling of its values', () => {
    // The spelling of a name, as in the Prometheus Go library, cannot be undone beyond five hexadecimal digits.
    const isSpellable = (text: string) => [...text].every((char) => (char.codePointAt(0) ?? 0) <= 0xfffff)
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 20 })
      .filter(isSpellable)
      .filter(
        (text) =>
          !text.startsWith('__') && text !== 'job' && !text.endsWith('@base64') && !text.startsWith('U__'),
      )
    const value = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })
    const labels = fc.uniqueArray(fc.tuple(name, value, fc.boolean()), {
      maxLength: 5,
      selector: ([text]) => text,
    })
    fc.assert(
      fc.property(value, labels, (job, labels) => {
        const path = [
          `job/${encodeURIComponent(job)}`,
          ...labels.map(([name, value, base64]) => {
            const spelled = encodeURIComponent(escapeLabelName(name, 'values'))
            return base64
              ? `${spelled}@base64/${Buffer.from(value).toString('base64url')}`
              : `${spelled}/${encodeURIComponent(value)}`
          }),
        ].join('/')
        const wanted = new Map([
          ...labels.map(([name, value]) => [name, value] as const),
          ['job', job] as const,
        ])
        const read = parseGroupPath(path, UTF8)
        expect(new Map(read.map(({ name, value }) => [name, value]))).toEqual(wanted)
        expect(read.map(({ name }) => name)).toEqual([...wanted.keys()].sort())
      }),
      { numRuns: 300 },
    )
  })

  it('reads or refuses any text, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'ab/%@=2F_ÿ\u0000base64'.split('')), maxLength: 40 }),
        (rest) => {
          try {
            parseGroupPath(`job/${rest}`, OPTIONS)
          } catch (reason) {
            expect(reason).toBeInstanceOf(PgrError)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('rememberGroupPaths', () => {
  it('reads as parseGroupPath does, and gives the same labels again', () => {
    const read = rememberGroupPaths(OPTIONS)
    for (const path of ['job/a', 'job/a%2Fb/c/%C3%A9', 'job/a/c/\u00c3\u00a9']) {
      expect(read(path)).toEqual(parseGroupPath(path, OPTIONS))
      expect(read(path)).toBe(read(`${path}x`.slice(0, -1)))
    }
    expect(() => read('job')).toThrow(PgrError)
    expect(() => read('job')).toThrow(PgrError)
  })

  it('judges by the limits of the moment', () => {
    const options = { ...OPTIONS }
    const read = rememberGroupPaths(options)
    read('job/a/b/c')
    options.limits = { ...OPTIONS.limits, labelsPerSeries: 1 }
    expect(() => read('job/a/b/c')).toThrow('the path names 2 labels')
  })

  it('remembers no long paths', () => {
    const read = rememberGroupPaths(OPTIONS)
    const long = `job/a${'/b/c'.repeat(150)}`
    expect(read(long)).not.toBe(read(long))
  })

  it('remembers some ten thousand paths, and forgets those that were not asked for longest', () => {
    const read = rememberGroupPaths(OPTIONS)
    const first = read('job/first')
    const used = read('job/used')
    for (let n = 0; n < 10_000; n++) read(`job/${n}`)
    expect(read('job/first')).toBe(first)
    for (let n = 0; n < 40_000; n++) {
      read(`job/x${n}`)
      if (n % 5000 === 0) expect(read('job/used')).toBe(used)
    }
    expect(read('job/first')).not.toBe(first)
    expect(read('job/first')).toEqual(first)
  })

  it('remembers less of what takes more room', () => {
    const read = rememberGroupPaths(OPTIONS)
    const first = read('job/first')
    const value = 'v'.repeat(240)
    for (let n = 0; n < 10_000; n++) read(`job/${n}/a/${value}/b/${value}`)
    expect(read('job/first')).not.toBe(first)
  })
})
