import { afterEach, describe, expect, it } from 'vitest'
import type { ResubmitOptions } from '../../src/store/redis/options.ts'
import type { Store } from '../../src/store/store.ts'
import { eventuallyHolds } from '../support/eventually.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { StoreView } from '../support/store-view.ts'
import {
  family,
  jobOf,
  mergeOf,
  operation,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../support/store-writes.ts'
import { type Opened, openStore } from './open-store.ts'

interface Case {
  readonly after: ResubmitOptions['after']
  /** What the server has when it is back. */
  readonly comesBack: 'with an old snapshot' | 'with nothing'
  readonly cause: 'restart' | 'emptied'
  readonly resubmitted: boolean
}

const cases: Case[] = [
  { after: 'never', comesBack: 'with an old snapshot', cause: 'restart', resubmitted: false },
  { after: 'failover', comesBack: 'with an old snapshot', cause: 'restart', resubmitted: false },
  { after: 'restart', comesBack: 'with an old snapshot', cause: 'restart', resubmitted: true },
  { after: 'empty', comesBack: 'with an old snapshot', cause: 'restart', resubmitted: true },
  { after: 'failover', comesBack: 'with nothing', cause: 'emptied', resubmitted: false },
  { after: 'restart', comesBack: 'with nothing', cause: 'emptied', resubmitted: false },
  { after: 'empty', comesBack: 'with nothing', cause: 'emptied', resubmitted: true },
]

describe('acknowledged writes that a server lost when it restarted', () => {
  let server: RedisServer
  let opened: Opened
  let store: Store

  async function start(after: ResubmitOptions['after'], windowMs = 30_000): Promise<void> {
    server = await startRedis()
    opened = await openStore(server, { resubmit: { windowMs, maxBytes: 1e6, after } })
    store = opened.store
  }
  afterEach(async () => {
    await store.close()
    await server.stop()
  })

  const told = (kind: string) => opened.events.filter((event) => event.kind === kind)
  const push = (job: string, text: string) => store.writeGroup(putOf(jobOf(job), [family('a', text)]))

  it.each(cases)(
    '$comesBack, to be sent again after $after',
    async ({ after, comesBack, cause, resubmitted }) => {
      await start(after)
      const view = new StoreView(store)
      await push('kept', 'old')
      await push('replaced', 'old')
      await push('removed', 'old')
      await view.read()
      if (comesBack === 'with an old snapshot') await server.command('SAVE')
      const { change } = await push('replaced', 'new')
      await push('added', 'new')
      await store.writeSet(mergeOf(jobOf('set'), [setFamily('up', [sample('x', 1)])]))
      await store.remove(removalOf(jobOf('removed')))
      const count = comesBack === 'with an old snapshot' ? 4 : 7
      await server.kill()
      await server.restart()
      await eventuallyHolds(() => store.ready())

      await view.read()
      const [old, gone] =
        comesBack === 'with an old snapshot' ? [[['a', 'old']], 'shown'] : [undefined, 'gone']
      expect(view.texts(jobOf('kept'))).toEqual(resubmitted ? [['a', 'old']] : old)
      expect(view.texts(jobOf('replaced'))).toEqual(resubmitted ? [['a', 'new']] : old)
      expect(view.texts(jobOf('added'))).toEqual(resubmitted ? [['a', 'new']] : undefined)
      expect(view.texts(jobOf('removed')) === undefined).toBe(resubmitted || gone === 'gone')
      expect(view.values(jobOf('set'), 'up')).toEqual(resubmitted ? [['x', 1]] : [])
      if (resubmitted && change?.kind === 'group')
        expect(view.group(jobOf('replaced'))?.pushedMs).toBe(change.pushedMs)

      expect(told('store.history')).toMatchObject([{ cause }])
      const mended = { missing: count, resubmitted: resubmitted ? count : 0, lost: resubmitted ? 0 : count }
      // A put that a later one replaced had nothing to show any more.
      const [event] = told('store.mend')
      if (comesBack === 'with an old snapshot') expect(event).toMatchObject(mended)
      else expect(event).toMatchObject({ missing: count, lost: mended.lost })
      const { losses } = await store.describe()
      expect(losses).toMatchObject({ history: 1, cause, lostWrites: mended.lost })

      // Once told is told, and what is written from now on is no news.
      await push('later', 'x')
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
      await eventuallyHolds(() => store.ready())
      await view.read()
      expect(view.texts(jobOf('later'))).toEqual([['a', 'x']])
      expect(told('store.history')).toHaveLength(1)
      expect((await store.describe()).losses).toEqual(losses)
    },
  )

  it('are not even counted when none are remembered, but lost history is told', async () => {
    await start('empty', 0)
    const view = new StoreView(store)
    await push('kept', 'old')
    await view.read()
    await server.kill()
    await server.restart()
    await eventuallyHolds(() => store.ready())
    await view.read()
    expect(view.size).toBe(0)
    expect(told('store.history')).toMatchObject([{ cause: 'emptied' }])
    expect(told('store.mend')).toEqual([])
  })

  it('are told when they are forgotten for want of room, lost or not', async () => {
    server = await startRedis()
    opened = await openStore(server, { resubmit: { windowMs: 30_000, maxBytes: 3000, after: 'failover' } })
    store = opened.store
    for (let n = 0; n < 5; n++) await push('big', 'x'.repeat(1000))
    expect(told('store.forgotten').at(-1)).toMatchObject({ writes: 1, total: 4 })
  })

  it.each([
    ['flushes', () => server.command('FLUSHALL')],
    ['wipes', () => store.wipe(operation())],
  ])('stay away when somebody %s what there is', async (_what, empty) => {
    await start('empty')
    const view = new StoreView(store)
    await push('doomed', 'old')
    await view.read()
    await empty()
    await view.read()
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
    await eventuallyHolds(() => store.ready())
    await view.read()
    expect(view.size).toBe(0)
    expect(told('store.history')).toEqual([])
    expect((await store.describe()).losses).toEqual({ history: 0, lostWrites: 0, resubmittedWrites: 0 })
  })
})
