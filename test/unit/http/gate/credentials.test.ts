import { describe, expect, it } from 'vitest'
import { makeTokens, readBasic } from '../../../../src/http/gate/credentials.ts'

function basic(text: string | Buffer): string {
  return `Basic ${Buffer.from(text).toString('base64')}`
}

describe('basic credentials', () => {
  it.each([
    [basic('alice:secret'), { user: 'alice', password: 'secret' }],
    [basic('alice:a:b'), { user: 'alice', password: 'a:b' }],
    [basic(':'), { user: '', password: '' }],
    [basic('jörg:größe'), { user: 'jörg', password: 'größe' }],
    [basic('a:b').replace('Basic', 'bASIC'), { user: 'a', password: 'b' }],
    [basic('alice'), undefined],
    [basic(Buffer.from([0xff, 0x3a, 0x61])), undefined],
    ['Basic', undefined],
    ['Basic !', undefined],
    ['Bearer YTpi', undefined],
    ['', undefined],
  ])('%s', (header, expected) => {
    expect(readBasic(header)).toEqual(expected)
  })
})

describe('tokens', () => {
  const tokens = makeTokens(['one', 'two'])
  it.each([
    ['Bearer one', true],
    ['bearer two', true],
    ['Bearer  two ', true],
    ['Bearer three', false],
    ['Bearer On', false],
    ['Bearer one two', false],
    ['Basic one', false],
    ['one', false],
    ['', false],
  ])('%s', (header, expected) => {
    expect(tokens.has(header)).toBe(expected)
  })

  it('are none when there are none', () => {
    expect(makeTokens([]).has('Bearer ')).toBe(false)
  })
})
