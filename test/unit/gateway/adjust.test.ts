import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AdjustableGateway } from '../../../src/gateway/open-gateway.ts'
import type { Store } from '../../../src/store/store.ts'
import { eventually } from '../../support/eventually.ts'
import { embeddedStore, openTestGateway, ROOMY, type TestGateway } from '../../support/open-gateway.ts'

const BEFORE: AdjustableGateway = {
  ttlMs: 300_000,
  retentionMs: 0,
  consistencyCheck: true,
  limits: ROOMY,
  maxStaleMs: 0,
  pollIntervalMs: 0,
}

let nowMs: number
let store: Store
let one: TestGateway

beforeEach(() => {
  nowMs = 1_700_000_000_000
  store = embeddedStore(() => nowMs)
  one = openTestGateway(store)
})

function adjust(changed: Partial<AdjustableGateway>): void {
  one.gateway.adjust({ ...BEFORE, ...changed })
}

describe('settings that are exchanged while the gateway runs', () => {
  it('give pushes from then on another lifetime, and those before none', async () => {
    await one.push('put', { job: 'before' }, 'x 1\n')
    adjust({ ttlMs: 1000, retentionMs: 5000 })
    await one.push('put', { job: 'after' }, 'x 1\n')
    await one.ingest('y{job="after",instance="a"} 1\n')
    nowMs += 1000
    expect(await one.page()).toEqual(['# TYPE x untyped', 'x{instance="",job="before"} 1'])
    expect(await one.text()).toContain('push_time_seconds{instance="",job="after"}')
    nowMs += 5000
    expect(await one.text()).not.toContain('job="after"')
  })

  it('limit what is stored from then on', async () => {
    await one.push('put', { job: 'before' }, 'x 1\ny 1\n')
    adjust({ limits: { ...ROOMY, series: 2 } })
    const refused = expect.objectContaining({ code: 'PGR_QUOTA_EXCEEDED' })
    await expect(one.push('put', { job: 'after' }, 'x 1\n')).rejects.toEqual(refused)
    adjust({ limits: ROOMY })
    await one.push('put', { job: 'after' }, 'x 1\n')
  })

  it('switch the check of pushes off and on', async () => {
    await one.push('put', { job: 'a' }, '# TYPE x counter\nx 1\n')
    const clashing = () => one.push('put', { job: 'b' }, '# TYPE x gauge\nx 1\n')
    await expect(clashing()).rejects.toMatchObject({ code: 'PGR_PUSH_INCONSISTENT' })
    adjust({ consistencyCheck: false })
    await clashing()
  })

  it('change the rhythm of polls after the next', async () => {
    const polls = () => one.events.filter(({ kind }) => kind === 'view.poll').length
    adjust({ pollIntervalMs: 10 })
    one.gateway.start()
    await eventually('some polls', () => polls() > 3)
    adjust({ pollIntervalMs: 3_600_000 })
    await sleep(50)
    const before = polls()
    await sleep(100)
    expect(polls()).toBe(before)
    await one.gateway.stop()
  })
})
