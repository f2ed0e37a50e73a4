import { describe, expect, it } from 'vitest'
import { makeGroupWrites } from '../../../../src/store/redis/group-writes.ts'
import type { Reply } from '../../../../src/store/redis/reply.ts'
import { family, jobOf, postOf } from '../../../support/store-writes.ts'

/** As the script tells: now; version, created, failed, expiry, follows; of the family expiry and first sight. */
function toldWith({ follows = 0, families = 1, epoch = 'e', failure = '' }): Reply {
  const seen = Array.from({ length: families }, () => 1000.5)
  const numbers = Float64Array.from([2000, 7, 1000.5, 0, 5000, follows, 4000, ...seen])
  return [
    Buffer.from('ok'),
    Buffer.concat([Buffer.from(numbers.buffer), Buffer.from(`${epoch}\0${failure}`)]),
  ]
}

function written(reply: Reply) {
  const { writeGroup } = makeGroupWrites(async () => reply, Buffer.alloc(0))
  return writeGroup(postOf(jobOf('backup'), [family('a', 'text')]))
}

describe('what a push is told', () => {
  it.each([
    ['a group of its own', 0, undefined],
    ['a group that has others', 6, 6],
  ])('becomes a change to %s', async (_what, at, follows) => {
    const { change, epoch, nowMs } = await written(toldWith({ follows: at, failure: 'why\0so' }))
    expect([epoch, nowMs]).toEqual(['e', 2000])
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
      failure: 'why\0so',
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
      follows,
    })
  })

  it.each<[string, Reply]>([
    ['too few numbers', toldWith({ families: 0 })],
    ['no epoch', toldWith({ epoch: '' })],
    ['numbers alone', [Buffer.from('ok'), Buffer.alloc(64, 1)]],
    ['a number', [Buffer.from('ok'), 1]],
    ['nothing', [Buffer.from('ok')]],
    ['another word', [Buffer.from('okay'), Buffer.from('e'), 2000]],
  ])('is refused with %s, as from something that is no Redis', async (_what, reply) => {
    await expect(written(reply)).rejects.toMatchObject({ code: 'PGR_STORE_MISCONFIGURED' })
  })
})
