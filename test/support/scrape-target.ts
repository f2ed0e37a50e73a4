import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ShownPage {
  readonly type: string
  readonly body: string | Uint8Array
}

/** Something to be scraped, on loopback; whatever the path, it shows its page. */
export interface ScrapeTarget {
  /** `host:port`. */
  readonly address: string
  /** Scrapes answered so far. */
  scrapes(): number
  /** From now on it is this page. */
  show(page: ShownPage): void
  /** Nothing listens any more. */
  stop(): Promise<void>
}

/** `page` is asked at each scrape when it is a function. */
export async function startScrapeTarget(page: ShownPage | (() => ShownPage)): Promise<ScrapeTarget> {
  let shown = page
  let scrapes = 0
  const server = createServer((_request, response) => {
    const { type, body } = typeof shown === 'function' ? shown() : shown
    scrapes++
    response.writeHead(200, { 'content-type': type }).end(body)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    scrapes: () => scrapes,
    show(next) {
      shown = next
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
