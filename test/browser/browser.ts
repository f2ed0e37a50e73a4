import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import axe from 'axe-core'
import { type Browser, chromium, type Page, type Request } from 'playwright-core'
import { peerOrThrow } from '../support/peers.ts'

export const WIDE = { width: 1440, height: 900 } as const
export const NARROW = { width: 390, height: 844 } as const

export interface Look {
  readonly size?: { readonly width: number; readonly height: number }
  readonly colours?: 'light' | 'dark'
}

export interface Visit {
  readonly page: Page
  /** What the browser objected to so far: errors, breaches of the page's policy, requests that left this machine. */
  readonly complaints: readonly string[]
  /** What was asked of the server and has been answered. */
  readonly requests: readonly Request[]
  close(): Promise<void>
}

/** The browser that is installed here, without a window. */
export function openBrowser(): Promise<Browser> {
  // As root it has no sandbox to offer, and containers have little shared memory.
  const args = ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])]
  return chromium.launch({ executablePath: onPath(peerOrThrow('chromium').path), args })
}

/** Where a command is: the driver does not look on the path. */
function onPath(command: string): string {
  const { PATH = '' } = process.env
  const folders = command.includes('/') ? [] : PATH.split(delimiter)
  return folders.map((folder) => join(folder, command)).find(existsSync) ?? command
}

/** Opens a page as a reader with nothing stored would, and writes down what goes wrong on it. */
export async function visit(
  browser: Browser,
  url: string,
  { size = WIDE, colours = 'light' }: Look = {},
): Promise<Visit> {
  const context = await browser.newContext({
    viewport: size,
    colorScheme: colours,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  })
  const page = await context.newPage()
  const complaints: string[] = []
  const requests: Request[] = []
  const { origin } = new URL(url)
  await page.route(
    (target) => target.origin !== origin,
    (route) => {
      complaints.push(`asked ${route.request().url()}`)
      return route.abort()
    },
  )
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('requestfinished', (request) => requests.push(request))
  await page.goto(url)
  return { page, complaints, requests, close: () => context.close() }
}

/** Bytes of the answers as they came, by method and address. What was asked for again counts once. */
export async function answerSizes(requests: readonly Request[]): Promise<Map<string, number>> {
  const sizes = requests.map(async (request) => {
    const { responseBodySize } = await request.sizes()
    return [`${request.method()} ${request.url()}`, responseBodySize] as const
  })
  return new Map(await Promise.all(sizes))
}

/** What axe finds that keeps somebody from using the page as it is now. */
export async function barriers(page: Page): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source)
  const violations = (await page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({
      id, impact, where: nodes.map(({ target }) => target.join(' ')),
    })))`,
  )) as { id: string; impact: string; where: string[] }[]
  return violations
    .filter(({ impact }) => impact !== 'minor')
    .map(({ id, impact, where }) => `${impact}: ${id} at ${where.slice(0, 3).join(', ')}`)
}

/** Names of what Tab stops at, one after the other from the top of the page. */
export async function tabStops(page: Page, most: number): Promise<string[]> {
  const stops: string[] = []
  await page.evaluate('document.activeElement?.blur(); scrollTo(0, 0)')
  for (let n = 0; n < most; n++) {
    await page.keyboard.press('Tab')
    stops.push(String(await page.evaluate(NAME_OF_FOCUS)))
  }
  return stops
}

/** What is focused, as it is called, and whether it can be seen to be. */
const NAME_OF_FOCUS = `(() => {
  const at = document.activeElement
  const name = at.getAttribute('aria-label') ?? at.labels?.[0]?.firstChild?.textContent ?? at.textContent
  const { outlineStyle, outlineWidth } = getComputedStyle(at)
  const seen = outlineStyle !== 'none' && outlineWidth !== '0px'
  return name.trim() + (seen ? '' : ' (unseen)')
})()`
