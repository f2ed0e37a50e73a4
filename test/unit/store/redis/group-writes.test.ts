import { describe, expect, it } from 'vitest'
import { makeGroupWrites } from '../../../../src/store/redis/group-writes.ts'
import type { Reply } from '../../../../src/store/redis/reply.ts'
import { family, jobOf, postOf } from '../../../support/store-writes.ts'

const NUMBERS = Buffer.alloc(8 * 6)
for (const [place, number] of [7, 1000.5, 0, 5000, 4000, 1000.5].entries())
  NUMBERS.writeDoubleLE(number, 8 * place)
const OK = [Buffer.from('ok'), Buffer.from('e'), 2000]

function written(reply: Reply) {
  const { writeGroup } = makeGroupWrites(async () => reply, Buffer.alloc(0))
  return writeGroup(postOf(jobOf('backup'), [family('a', 'text')]))
}

describe('what a push is told', () => {
  it.each([
    ['a group of its own', null, {}],
    ['a group that has others', 6, { follows: 6 }],
  ])('becomes a change to %s', async (_what, at, follows) => {
    const { change } = await written([...OK, NUMBERS, Buffer.from('why'), at])
    const { labels, id, protocol } = postOf(jobOf('backup'), [])
    expect(change).toEqual({
      kind: 'group',
      id,
      version: 7,
      labels,
      createdMs: 1000,
      protocol,
      pushedMs: 2000,
      failedMs: 0,
      failure: 'why',
      expiresMs: 5000,
      families: [
        {
          ...family('a', 'text'),
          version: 7,
          expiresMs: 4000,
          pushedMs: 2000,
          firstSeenMs: 1000,
        },
      ],
      ...follows,
    })
  })

  it.each<[string, Reply]>([
    ['too few numbers', [...OK, NUMBERS.subarray(8), Buffer.from(''), null]],
    ['too many numbers', [...OK, Buffer.concat([NUMBERS, NUMBERS]), Buffer.from(''), null]],
    ['no numbers', [...OK, 1, Buffer.from(''), null]],
    ['no reason', [...OK, NUMBERS]],
    ['a list as the version of the group', [...OK, NUMBERS, Buffer.from(''), []]],
  ])('is refused with %s, as from something that is no Redis', async (_what, reply) => {
    await expect(written(reply)).rejects.toMatchObject({ code: 'PGR_STORE_MISCONFIGURED' })
  })
})
