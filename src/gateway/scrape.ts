import type { ErrorCode } from '../errors/catalogue.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { Writer } from '../formats/format.ts'
import type { Tell } from '../telemetry/events.ts'
import { Exposition, type Quarantined } from './exposition/exposition.ts'
import type { Scrape, ScrapeRequest } from './gateway.ts'
import type { Sync } from './view/sync.ts'
import type { View } from './view/view.ts'

/** A page format nobody asked for in this long gives its memory back. */
const IDLE_MS = 10 * 60 * 1000

export interface Scraper {
  scrape(request: ScrapeRequest): Promise<Scrape>
  /** What the pages in use leave out. */
  quarantined(): readonly Quarantined[]
  /** Bytes that are kept of the pages in use. */
  readonly bytes: number
  /** Lets go of pages that were not used for long. */
  rest(): void
  close(): void
}

export interface ScraperDeps {
  readonly view: View
  readonly sync: Sync
  readonly writers: readonly Writer[]
  readonly timestamps: boolean
  readonly nativeAsClassic: boolean
  /** How old the last complete view may be to be shown while the store is away; 0 = it is never shown. */
  readonly maxStaleMs: number
  readonly tell: Tell
}

/** Failures that say nothing against the last complete view. */
const AWAY: ReadonlySet<string> = new Set<ErrorCode>(['PGR_STORE_UNAVAILABLE', 'PGR_STORE_DEGRADED'])

/** Serves pages: catch up with the store, renew what changed, hand out the bytes. */
export function makeScraper(deps: ScraperDeps): Scraper {
  const { view, sync, writers, timestamps, nativeAsClassic, tell } = deps
  const expositions = new Map<string, Exposition>()
  const told = new Set<string>()

  function expositionFor({ format, escaping }: ScrapeRequest): Exposition {
    const key = `${format} ${escaping}`
    const known = expositions.get(key)
    if (known !== undefined) return known
    const writer = writers.find(({ name }) => name === format)
    if (writer === undefined)
      throw new PgrError('PGR_INTERNAL', `no writer is called ${JSON.stringify(format)}`)
    const fresh = new Exposition(view, writer, { escaping, timestamps, nativeAsClassic })
    expositions.set(key, fresh)
    return fresh
  }

  function quarantined(): Quarantined[] {
    const all = new Map<string, Quarantined>()
    for (const exposition of expositions.values()) {
      for (const item of exposition.quarantined()) all.set(`${item.reason} ${item.family}`, item)
    }
    return [...all.values()]
  }

  /** Each case is told once, and again only after it was gone. */
  function tellQuarantined(): void {
    const now = new Set<string>()
    for (const { family, reason, series } of quarantined()) {
      const key = `${reason} ${family}`
      now.add(key)
      if (!told.has(key)) tell({ kind: 'view.quarantine', family, reason, series })
    }
    told.clear()
    for (const key of now) told.add(key)
  }

  /** Age in seconds of the view once it is as good as it gets; 0 when it caught up with the store. */
  async function catchUp(deadlineMs: number): Promise<number> {
    try {
      await sync.refresh(deadlineMs)
      return 0
    } catch (reason) {
      const nowMs = performance.now()
      const ageMs = nowMs - sync.completeAtMs
      if (!(reason instanceof PgrError) || !AWAY.has(reason.code)) throw reason
      const { maxStaleMs } = deps
      if (maxStaleMs === 0 || ageMs > maxStaleMs || !view.whole) throw reason
      view.advance(nowMs)
      return Math.max(ageMs, 1) / 1000
    }
  }

  return {
    async scrape(request) {
      for (;;) {
        const ageSeconds = await catchUp(request.deadlineMs)
        const { forgotten, whole } = view
        const page = await expositionFor(request).render(request.gzip, request.beside)
        tellQuarantined()
        // Rendering takes turns with the polls of others. One that began to read a partition anew took from the page
        // what it had not read yet.
        if (whole && view.forgotten === forgotten) return { ...page, ageSeconds }
        page.release()
        if (performance.now() > request.deadlineMs)
          throw new PgrError(
            'PGR_STORE_UNAVAILABLE',
            'what is stored had to be read anew, which took too long',
          )
      }
    },
    quarantined,
    get bytes() {
      let bytes = 0
      for (const exposition of expositions.values()) bytes += exposition.bytes
      return bytes
    },
    rest() {
      for (const [key, exposition] of expositions) {
        if (performance.now() - exposition.usedAtMs < IDLE_MS) continue
        exposition.close()
        expositions.delete(key)
      }
    },
    close() {
      for (const exposition of expositions.values()) exposition.close()
      expositions.clear()
    },
  }
}
