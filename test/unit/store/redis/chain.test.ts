import { describe, expect, it } from 'vitest'
import { continues, markOf } from '../../../../src/store/redis/chain.ts'
import { readInfo } from '../../../../src/store/redis/info.ts'

const mark = (id: string, offset: number, previousId = '0'.repeat(40), branchedAt = -1, connection = 1) => ({
  id,
  offset,
  previousId,
  branchedAt,
  connection,
})

describe('the history of a server', () => {
  it.each([
    ['the same, further on', mark('a', 10), mark('a', 12), true],
    ['the same, nothing written', mark('a', 10), mark('a', 10), true],
    ['the same, thrown back', mark('a', 10), mark('a', 9), false],
    ['a replica that had all of it took over', mark('a', 10), mark('b', 15, 'a', 11), true],
    ['a replica that lacked the last of it took over', mark('a', 10), mark('b', 15, 'a', 10), false],
    ['a replica of something else took over', mark('a', 10), mark('b', 15, 'c', 11), false],
    ['a restart begins a new one', mark('a', 10), mark('b', 0), false],
    ['ids are hidden, the connection held', mark('', 0), mark('', 0), true],
    ['ids are hidden, the connection is another', mark('', 0), mark('', 0, '', 0, 2), false],
    ['ids appear', mark('', 0), mark('a', 0), false],
    ['an unbroken connection proves nothing where ids are shown', mark('a', 10), mark('b', 10), false],
  ])('goes on or not: %s', (_why, seen, now, expected) => {
    expect(continues(seen, now)).toBe(expected)
  })

  it('is read from INFO', () => {
    const text =
      '# Replication\r\nrole:master\r\nmaster_replid:aa\r\nmaster_replid2:bb\r\nmaster_repl_offset:42\r\nsecond_repl_offset:7\r\n'
    expect(markOf(readInfo(text), 3)).toEqual(mark('aa', 42, 'bb', 7, 3))
  })
})
