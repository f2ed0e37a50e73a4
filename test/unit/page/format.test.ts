import { describe, expect, it } from 'vitest'
import {
  countOf,
  shellWord,
  showAgo,
  showFact,
  showLabels,
  showLeft,
  showShare,
} from '../../../src/page/parts/format.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND

describe('what is left', () => {
  it.each([
    [-1, 'expired'],
    [0, 'expired'],
    [1, '1 s'],
    [59_001, '1 min 00 s'],
    [125 * SECOND, '2 min 05 s'],
    [3 * HOUR + 61 * SECOND, '3 h 01 min'],
    [49 * HOUR, '2 d 1 h'],
  ])('of %i ms is %s', (ms, text) => {
    expect(showLeft(ms)).toBe(text)
  })
})

describe('how long ago', () => {
  it.each([
    [-5 * SECOND, 'just now'],
    [59 * SECOND, '59 s ago'],
    [60 * SECOND, '1 min ago'],
    [47 * HOUR, '47 h ago'],
    [72 * HOUR, '3 d ago'],
  ])('%i ms is written %s', (ms, text) => {
    expect(showAgo(ms)).toBe(text)
  })
})

describe('a fact', () => {
  it.each([
    ['used_memory', 18_350_080, '17.5 MiB'],
    ['maxmemory_policy', 'noeviction', 'noeviction'],
    ['append_only_file', true, 'yes'],
    ['uptime_in_seconds', 7500, '2 h 05 min'],
    ['evicted_keys', 12_345, '12,345'],
    ['maxmemory', 0, '0 B'],
  ])('%s of %s is %s', (name, value, text) => {
    expect(showFact(name, value)).toBe(text)
  })
})

it('labels are written as Prometheus writes them', () => {
  expect(showLabels({ job: 'a "b"', zone: 'x' })).toBe('{job="a \\"b\\"", zone="x"}')
})

it('a word of a shell stays one, whatever is in it', () => {
  expect(shellWord("it's $HOME")).toBe("'it'\\''s $HOME'")
})

it('one thing is not many', () => {
  expect([countOf(1, 'group'), countOf(1200, 'series', 'series')]).toEqual(['1 group', '1,200 series'])
})

it('a share too small to see is not none', () => {
  expect([showShare(1, 10_000), showShare(0, 5), showShare(1, 3), showShare(0, 0)]).toEqual([
    '< 0.1 %',
    '0.0 %',
    '33.3 %',
    '–',
  ])
})
