import { describe, expect, it } from 'vitest'
import { makeSend } from '../../../../src/store/redis/courier.ts'
import { keyspace } from '../../../../src/store/redis/keys.ts'
import type { Primary } from '../../../../src/store/redis/primary.ts'
import { scripts } from '../../../../src/store/redis/scripts.ts'
import type { Topology } from '../../../../src/store/redis/topology.ts'
import { operation } from '../../../support/store-writes.ts'

const PARTITION = 3

/** A primary that answers every script as told; `asked` are the operation ids of all calls. */
function primaryThat(answers: (call: number) => unknown) {
  const asked: string[] = []
  const primary = {
    endpoint: 'redis://there',
    clock: { at: () => 1, observe: () => undefined },
    write: {
      async callBuffer(_command: string, words: readonly unknown[]) {
        // The digest, the number of keys and six of them come before it.
        asked.push((words[8] as Buffer).toString('latin1'))
        const answer = answers(asked.length)
        if (answer instanceof Error) throw answer
        return answer
      },
    },
  }
  return { primary: primary as unknown as Primary, asked }
}

/** One partition, wherever it is at the moment. */
function topologyAt(home: () => Primary): Topology {
  const topology = {
    at: home,
    usable: home,
    whyAway: () => undefined,
    addressOf: () => ({ host: 'there', port: 1 }),
    natMap: undefined,
    seed: () => 'seed',
    refreshSoon: () => undefined,
  }
  return topology as unknown as Topology
}

const reply = (text: string) => [text, 'epoch', '1', '1'].map((word) => Buffer.from(word))

describe('a write on its way', () => {
  const deliverTo = (home: () => Primary) => {
    const send = makeSend(topologyAt(home), keyspace('pgr'), async () => undefined)
    return () => {
      const write = operation()
      return { write, sent: send(write, PARTITION, scripts.remove, []) }
    }
  }
  const deliver = (home: () => Primary) => deliverTo(home)()

  it('is brought to the successor of a primary that was replaced before its answer came, as the same operation', async () => {
    const successor = primaryThat(() => reply('duplicate'))
    let home: Primary
    const replaced = primaryThat(() => {
      home = successor.primary
      return reply('ok')
    })
    home = replaced.primary
    const { write, sent } = deliver(() => home)
    expect(String((await sent)[0])).toBe('duplicate')
    expect([replaced.asked, successor.asked]).toEqual([[write.operation], [write.operation]])
  })

  it('waits for a cluster that is down for a moment, and hears at once of one that stays down', async () => {
    let isDown = (call: number) => call < 20
    const { primary, asked } = primaryThat((call) =>
      isDown(call) ? new Error('CLUSTERDOWN The cluster is down') : reply('ok'),
    )
    const deliverAgain = deliverTo(() => primary)
    const started = performance.now()
    await deliverAgain().sent
    expect(asked).toHaveLength(20)
    expect(performance.now() - started).toBeGreaterThan(900)

    isDown = () => true
    const outcome = async () => {
      const startedMs = performance.now()
      await expect(deliverAgain().sent).rejects.toMatchObject({
        code: 'PGR_STORE_UNAVAILABLE',
        message: expect.stringContaining('cluster is down'),
      })
      return performance.now() - startedMs
    }
    expect(await outcome()).toBeGreaterThan(1900)
    expect(await outcome()).toBeLessThan(100)

    isDown = () => false
    await deliverAgain().sent
    isDown = (call) => call % 10 !== 0
    await deliverAgain().sent
  })

  it('is not acknowledged when every answer comes from one that was replaced', async () => {
    const others = [1, 2, 3, 4].map(() =>
      primaryThat(() => {
        place++
        return reply('ok')
      }),
    )
    let place = 0
    const { sent } = deliver(() => others[place]?.primary as Primary)
    await expect(sent).rejects.toMatchObject({
      code: 'PGR_STORE_UNAVAILABLE',
      message: expect.stringContaining('replaced'),
    })
    expect(others.map(({ asked }) => asked.length)).toEqual([1, 1, 1, 0])
  })
})
