import { sizes } from '../settings.ts'
import { pushEach, scrape } from './generators.ts'
import { type Recorder, scrapeValues, spend } from './measure.ts'
import { type Party, pgrOnRedis, pushgateway } from './parties.ts'

/** Of whoever is filled. */
export const FILLING_CONNECTIONS = 16

export type Encoding = 'identity' | 'gzip'
export const ENCODINGS = ['identity', 'gzip'] as const

/** How figures are called that are of one encoding. */
export const NAME_OF = { identity: 'plain', gzip: 'gzip' } as const satisfies Record<Encoding, string>

/** A replica and a Pushgateway that hold the same: groups of a hundred series that never expire. */
export class Pair {
  readonly pgr: Party
  /** The replica, and the Pushgateway where it is installed. */
  readonly parties: readonly Party[]
  groups = 0
  private versions = 0
  private readonly scrapes = new Map<Party, number>()
  /** Who has made a page of all groups in which encoding. */
  private readonly rendered = new Set<string>()

  private constructor(pgr: Party, peers: readonly Party[]) {
    this.pgr = pgr
    this.parties = [pgr, ...peers]
  }

  static async start(
    groups: number,
    company: 'alone' | 'beside Pushgateway' = 'beside Pushgateway',
  ): Promise<Pair> {
    const pgr = await pgrOnRedis({ flags: ['--redis.expiration=0'] })
    // Without its check, or filling it would take hours.
    const pair = new Pair(pgr, company === 'alone' ? [] : await pushgateway('off'))
    await pair.grow(groups)
    return pair
  }

  /** Pushes groups until there are as many. */
  async grow(groups: number): Promise<void> {
    const load = { kind: 'hundred', method: 'PUT', from: this.groups, to: groups } as const
    for (const party of this.parties)
      await pushEach({ urls: [party.url], connections: FILLING_CONNECTIONS, load })
    this.groups = groups
    this.rendered.clear()
  }

  /** Changes every series of a share of the groups, spread evenly; another choice of them each time. */
  async change(party: Party, share: number): Promise<void> {
    if (share === 0) return
    // At least one group.
    const step = Math.min(Math.round(1 / share), this.groups)
    const version = ++this.versions
    const load = {
      kind: 'hundred',
      method: 'PUT',
      from: version % step,
      to: this.groups,
      step,
      version,
    } as const
    await pushEach({ urls: [party.url], connections: FILLING_CONNECTIONS, load })
  }

  async scrape(party: Party, encoding: Encoding, count = 1) {
    const spent = await spend(party, () => scrape({ url: `${party.url}/metrics`, encoding, count }))
    this.scrapes.set(party, this.scrapesOf(party) + count)
    return spent
  }

  scrapesOf(party: Party): number {
    return this.scrapes.get(party) ?? 0
  }

  /** Scrapes once in every encoding, each time after a share of the groups has changed. */
  async noteScrape(record: Recorder, party: Party, round: number, share: number): Promise<void> {
    for (const encoding of ENCODINGS) {
      await this.render(party, encoding)
      await this.change(party, share)
      const { result, ...spent } = await this.scrape(party, encoding)
      record.note(whatOf(share, encoding), party, round, scrapeValues(result, spent))
    }
  }

  /** The first page in an encoding is made from nothing, which is not what later ones cost. */
  private async render(party: Party, encoding: Encoding): Promise<void> {
    const key = `${party.name}\n${encoding}`
    if (!this.rendered.has(key)) await this.scrape(party, encoding)
    this.rendered.add(key)
  }

  async stop(): Promise<void> {
    await Promise.all(this.parties.map((party) => party.stop()))
  }
}

export function whatOf(share: number, encoding: Encoding): string {
  return `${share * 100} % changed, ${NAME_OF[encoding]}`
}

let million: Promise<Pair> | undefined

/** The pair that holds as much as the budgets are about; filled once for all measures. */
export function theMillion(): Promise<Pair> {
  million ??= Pair.start(sizes.groups)
  return million
}

export async function stopTheMillion(): Promise<void> {
  await (await million)?.stop()
}
