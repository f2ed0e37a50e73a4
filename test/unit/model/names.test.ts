import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  escapeLabelName,
  escapeName,
  isLegacyLabelName,
  isLegacyMetricName,
  isValidUtf8Name,
  parseEscapingScheme,
  unescapeName,
} from '../../../src/model/names.ts'

/** Any well-formed text. */
const anyName = fc.string({ unit: 'binary', minLength: 1 })

describe('what is a name', () => {
  it.each([
    ['letters, digits, underscore', 'http_requests2', true, true],
    ['a colon, only in metrics', 'job:rate5m', true, false],
    ['a colon in front', ':a', true, false],
    ['an underscore alone', '_', true, true],
    ['a digit in front', '2xx', false, false],
    ['a point', 'http.requests', false, false],
    ['a letter beyond ASCII', 'größe', false, false],
    ['a blank', 'a b', false, false],
    ['a line feed at the end', 'a\n', false, false],
    ['nothing', '', false, false],
  ])('%s', (_why, name, isMetric, isLabel) => {
    expect(isLegacyMetricName(name)).toBe(isMetric)
    expect(isLegacyLabelName(name)).toBe(isLabel)
  })

  it.each([
    ['anything not empty', 'a b.c/ü\u0000', true],
    ['a pair of surrogates', '\u{1f600}', true],
    ['half a pair', 'a\ud83d', false],
    ['nothing', '', false],
  ])('of UTF-8: %s', (_why, name, isValid) => {
    expect(isValidUtf8Name(name)).toBe(isValid)
  })
})

describe('escapeName', () => {
  it.each([
    ['underscores', 'a_b:c', 'a_b:c', 'legacy names stay'],
    ['dots', 'a_b', 'a_b', 'legacy names stay, underscores too'],
    ['values', 'a_b', 'a_b', 'legacy names stay'],
    ['underscores', 'a.b c/ü', 'a_b_c__', 'one underscore for a character'],
    ['underscores', '2xx', '_xx', 'a digit is legal anywhere but in front'],
    ['underscores', '\u{1f600}x', '_x', 'two surrogates are one character'],
    ['dots', 'a.b_c d', 'a_dot_b__c__d', 'all but a point becomes two underscores'],
    ['dots', '2.x', '___dot_x', 'so does a digit in front'],
    ['values', 'a.b_c d', 'U__a_2e_b__c_20_d', 'code points in lower-case hexadecimal'],
    ['values', '2xx', 'U___32_xx', 'so does a digit in front'],
    ['values', 'a:b.2', 'U__a:b_2e_2', 'legacy characters stay'],
    ['values', '\u{1f600}', 'U___1f600_', 'beyond the basic plane'],
    ['values', 'a.\ud800', 'U__a_2e__FFFD_', 'what is no character'],
    ['allow-utf-8', 'a.b', 'a.b', 'nothing to do'],
  ] as const)('%s of %j is %j: %s', (scheme, name, escaped, _why) => {
    expect(escapeName(name, scheme)).toBe(escaped)
  })

  it('gives legacy names for any text', () => {
    fc.assert(
      fc.property(anyName, fc.constantFrom('underscores', 'dots', 'values'), (name, scheme) => {
        expect(isLegacyMetricName(escapeName(name, scheme))).toBe(true)
        expect(isLegacyLabelName(escapeLabelName(name, scheme))).toBe(true)
      }),
    )
  })

  it('spells a colon in the name of a label, where it is not legal', () => {
    expect(escapeLabelName('a:b', 'underscores')).toBe('a_b')
    expect(escapeLabelName('a:b', 'values')).toBe('U__a_3a_b')
    expect(escapeLabelName('a_b', 'dots')).toBe('a_b')
  })
})

describe('unescapeName', () => {
  it('undoes values escaping', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        fc.pre(!name.startsWith('U__'))
        expect(unescapeName(escapeName(name, 'values'))).toBe(name)
        expect(unescapeName(escapeLabelName(name, 'values'))).toBe(name)
      }),
    )
  })

  it.each([
    ['without the prefix', 'a_2e_b'],
    ['an underscore at the end', 'U__a_'],
    ['no closing underscore', 'U__a_2e'],
    ['what is not hexadecimal', 'U__a_2g_b'],
    ['half a surrogate pair', 'U___d800_'],
    ['a code point that is none', 'U___110000_'],
    ['more digits than a character has', 'U___0000041_'],
    ['nothing between the underscores of a digit', 'U__a_ _'],
  ])('leaves a name alone: %s', (_why, name) => {
    expect(unescapeName(name)).toBe(name)
  })

  it('takes digits in either case', () => {
    expect(unescapeName('U__a_2E_b')).toBe('a.b')
  })
})

it('knows the four schemes and no other', () => {
  expect(['allow-utf-8', 'underscores', 'dots', 'values'].map(parseEscapingScheme)).toEqual([
    'allow-utf-8',
    'underscores',
    'dots',
    'values',
  ])
  expect(parseEscapingScheme('Dots')).toBeUndefined()
  expect(parseEscapingScheme('')).toBeUndefined()
})
