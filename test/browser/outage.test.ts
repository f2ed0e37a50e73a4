import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { push } from '../e2e/ask.ts'
import { describeWith } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { barriers, openBrowser, visit } from './browser.ts'

describeWith('chromium', 'the status page in an outage', () => {
  let browser: Browser
  let redis: RedisServer
  let pgr: Pgr

  beforeAll(async () => {
    browser = await openBrowser()
    redis = await startRedis({ durable: true })
    pgr = await startPgr({ flags: [`--redis.endpoint=${redis.url}`] })
    await push(pgr.url, '/metrics/job/kept', 'rows 5\n')
  })
  afterAll(async () => {
    await browser?.close()
    await pgr?.stop()
    await redis?.stop()
  })

  it('shows replicas and what the store looked at while all is well', async () => {
    const { page, complaints, close } = await visit(browser, `${pgr.url}/#/`)
    const store = page.getByRole('region', { name: 'Store' })
    await store.getByText('maxmemory policy').waitFor()
    await store.getByRole('heading', { name: 'Durability' }).waitFor()
    await page.getByRole('region', { name: 'Replicas seen' }).getByText(`:${pgr.port}`).first().waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  it('says that the store is away, keeps what was shown, and goes on when it is back', async () => {
    const { page, close } = await visit(browser, `${pgr.url}/#/groups`)
    const row = page.getByRole('row').filter({ hasText: 'job=kept' })
    await row.waitFor()
    await redis.kill()
    const alert = page.getByRole('alert').filter({ hasText: 'The store is away' })
    await alert.waitFor({ state: 'attached' })
    await page.getByText('Store away').waitFor()
    expect(await row.isVisible()).toBe(true)
    expect(await barriers(page)).toEqual([])
    await redis.restart()
    await alert.waitFor({ state: 'detached' })
    expect(await row.isVisible()).toBe(true)
    await close()
  })

  it('says that the gateway does not answer', async () => {
    const { page, close } = await visit(browser, `${pgr.url}/#/groups`)
    await page.getByRole('row').filter({ hasText: 'job=kept' }).waitFor()
    await pgr.kill()
    await page.getByText('This gateway cannot be reached').last().waitFor()
    expect(await page.getByRole('row').filter({ hasText: 'job=kept' }).isVisible()).toBe(true)
    await close()
  })
})
