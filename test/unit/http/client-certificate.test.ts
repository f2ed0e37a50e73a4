import { describe, expect, it } from 'vitest'
import { alternativeNames } from '../../../src/http/client-certificate.ts'

describe('alternative names of a certificate', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['DNS:a.example, DNS:b.example', ['a.example', 'b.example']],
    ['IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1', ['10.0.0.1', '2001:db8::1']],
    ['email:a@b.example, URI:spiffe://c/d', ['a@b.example', 'spiffe://c/d']],
    ['DNS:"a, DNS:b", DNS:c', ['a, DNS:b', 'c']],
    ['DNS:"a\\u0000b"', ['a\u0000b']],
    ['othername:<unsupported>, DNS:a', ['a']],
    ['DirName:CN = "DNS:a", DNS:b', ['b']],
  ])('%s', (text, expected) => {
    expect(alternativeNames(text)).toEqual(expected)
  })
})
