import { describe, expect, it } from 'vitest'
import type { RedisStoreOptions } from '../../../../src/store/redis/options.ts'
import { makeConfirm } from '../../../../src/store/redis/replicas.ts'
import { WIDE_LIMITS } from '../../../support/store-harness.ts'

const options = (over: Partial<RedisStoreOptions>): RedisStoreOptions => ({
  endpoints: [':6379'],
  prefix: 'pgr',
  timeoutMs: 1000,
  limits: WIDE_LIMITS,
  tell: () => undefined,
  ...over,
})

/** A primary that answers each WAIT with the next number. */
function primaryThatHas(...replicas: number[]) {
  const asked: [number, number][] = []
  return {
    asked,
    endpoint: 'redis://there:6379',
    write: {
      wait: async (wanted: number, withinMs: number) => {
        asked.push([wanted, withinMs])
        return replicas.shift() ?? 0
      },
    },
  }
}

describe('a write that replicas have to have', () => {
  it('waits for none when none is asked for', async () => {
    const primary = primaryThatHas(0)
    await makeConfirm(options({}))(primary)
    expect(primary.asked).toEqual([])
  })

  it.each([
    ['as many as asked for', 2, true],
    ['more than asked for', 3, true],
    ['fewer than asked for', 1, false],
  ])('is confirmed, or refused as not stored for sure: %s', async (_why, replicas, confirmed) => {
    const primary = primaryThatHas(replicas)
    const confirm = makeConfirm(options({ waitReplicas: 2, waitTimeoutMs: 70 }))
    const outcome = await confirm(primary)?.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (confirmed) expect(outcome).toBeUndefined()
    else {
      expect(outcome).toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
      expect(String(outcome)).toMatch(/1 of 2 replicas of redis at redis:\/\/there:6379 .* 70 ms/)
    }
    expect(primary.asked).toEqual([[2, 70]])
  })

  it('shares the wait with those answered in the same turn, on the same primary, and its outcome', async () => {
    const confirm = makeConfirm(options({ waitReplicas: 1 }))
    const [here, there] = [primaryThatHas(0, 1), primaryThatHas(1)]
    const first = await Promise.allSettled([confirm(here), confirm(here), confirm(there)])
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    // What was written later was not waited for before.
    await Promise.all([confirm(here), confirm(here)])
    expect([here.asked.length, there.asked.length]).toEqual([2, 1])
  })

  it('is not covered by a wait that was already sent', async () => {
    const confirm = makeConfirm(options({ waitReplicas: 1 }))
    const sent: (() => void)[] = []
    const primary = {
      endpoint: 'x',
      write: { wait: () => new Promise<number>((resolve) => sent.push(() => resolve(1))) },
    }
    const before = confirm(primary)
    await new Promise(setImmediate)
    const after = confirm(primary)
    await new Promise(setImmediate)
    expect(sent).toHaveLength(2)
    sent[0]?.()
    await before
    sent[1]?.()
    await after
  })
})
