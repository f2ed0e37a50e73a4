import { randomBytes } from 'node:crypto'
import { PgrError } from '../../errors/pgr-error.ts'
import {
  type Address,
  addressKey,
  connectScout,
  dbOf,
  endpointsOf,
  hangUp,
  makeScout,
  usesTls,
} from './connect.ts'
import { showEndpoint } from './endpoint.ts'
import { classify, misconfigured, unavailable } from './failures.ts'
import type { Info } from './info.ts'
import type { Keyspace } from './keys.ts'
import type { RedisStoreOptions } from './options.ts'
import { Primary, type PrimaryKeeper } from './primary.ts'
import { whyUnusable, whyWrongKind } from './requirements.ts'
import { watchSentinels } from './sentinel-watch.ts'
import { ownersOf, type Redirection, readSlots, type SlotRange } from './slots.ts'

const FIRST_WAIT_MS = 2000
/** A reset connection is back well within this; a server that restarts or fails over is not. */
const COMEBACK_MS = 500
/** A node that took partitions over is met, and asked for the writes it should have, within this. */
const TAKEOVER_MS = 2000
const COMEBACK_STEP_MS = 5

const ADMIT_AGAIN_MS = 200
const REFRESH_EVERY_MS = 5000
const REFRESH_AWAY_MS = 250
const REFRESH_SOONEST_MS = 100
const ANSWER_WITHIN_MS = 700
/** Once most nodes have answered, the others are not waited for much longer: one that hangs would hold up a takeover. */
const STRAGGLER_MS = 100
/** Nodes asked besides the primaries in use, when those cannot tell. */
const MOST_SCOUTS = 6
/** Of one outage; more would tell nothing new. */
const MOST_REASONS = 5
/** A node that serves nothing of ours any more may be asked to redirect for this long. */
const IDLE_MS = 10_000

/** Where a place is, and whether what is there was looked at. */
interface Home {
  readonly primary: Primary
  adopted: boolean
  readonly sinceMs: number
}

/** What came of a look at a primary. */
export interface Admitted {
  /** Why it must not be used. */
  readonly refused?: PgrError
  /** Partitions that cannot be used yet, and have to be looked at again. */
  readonly later: ReadonlySet<number>
}

export interface TopologyParts {
  readonly options: RedisStoreOptions
  readonly keys: Keyspace
  /** Says whether a primary may be used for these places, and prepares them; see `Admission`. */
  admit(primary: Primary, info: Info, places: readonly number[]): Promise<Admitted>
  /** A primary can be used from now on. */
  onUsable(): void
}

/**
 * Which primary serves which place: the partitions, and after them the two keys that belong to none. Behind Sentinels, and
 * with a single server, one primary serves them all. In a Cluster the nodes are asked, regularly and whenever one of them
 * sends us elsewhere or is lost.
 */
export class Topology implements PrimaryKeeper {
  private readonly parts: TopologyParts
  private readonly options: RedisStoreOptions
  private readonly keys: Keyspace
  private readonly homes: (Home | undefined)[]
  private readonly nodes = new Map<string, { primary: Primary; address: Address; usedAtMs: number }>()
  /** Nodes to ask: those given, and those that the last maps named. */
  private known: ReadonlyMap<string, Address> = new Map()
  private isCluster: boolean
  private closed = false
  private opened = false
  private fatal: PgrError | undefined
  private lostAtMs: number | undefined
  /** Told of the outage that is on. */
  private readonly reasons = new Set<string>()
  private refreshing: Promise<void> | undefined
  private refreshedAtMs = Number.NEGATIVE_INFINITY
  private timer: NodeJS.Timeout | undefined
  private endWatch: () => void = () => undefined
  /** A node that did not answer, while none did. */
  private lastScout: { at: string; reason: unknown } | undefined
  private epochs = 0
  private readonly seedPrefix = randomBytes(6).toString('hex')

  constructor(parts: TopologyParts) {
    const { options, keys } = parts
    this.parts = parts
    this.options = options
    this.keys = keys
    this.homes = keys.slots.map(() => undefined)
    this.isCluster = options.masterName === undefined && options.endpoints.length > 1
  }

  /** `standalone`, `sentinel`, `cluster`. */
  get kind(): string {
    if (this.options.masterName !== undefined) return 'sentinel'
    return this.isCluster ? 'cluster' : 'standalone'
  }

  /** What was given to find everything, for messages. */
  get endpoint(): string {
    const tls = usesTls(this.options)
    const given = endpointsOf(this.options).map((endpoint) => showEndpoint({ ...endpoint, tls }))
    const { masterName } = this.options
    return masterName === undefined ? given.join(',') : `${masterName} at sentinels ${given.join(',')}`
  }

  /**
   * Connects. Resolves when everything is usable, and also when it is away or refuses us, because that may mend; rejects
   * only when a server must not be used.
   */
  async open(): Promise<void> {
    if (this.isCluster && dbOf(this.options) !== 0) throw this.noDatabases()
    const work = this.isCluster ? this.openCluster() : this.openSingle()
    await Promise.race([work, pause(FIRST_WAIT_MS)])
    if (this.fatal !== undefined) {
      this.close()
      throw this.fatal
    }
    this.opened = true
    this.tellIfAway()
  }

  /** The primaries that serve anything now. */
  primaries(): readonly Primary[] {
    const serving = new Set<Primary>()
    for (const home of this.homes) if (home !== undefined) serving.add(home.primary)
    return [...serving]
  }

  placesOf(primary: Primary): readonly number[] {
    return [...this.homes.keys()].filter((place) => this.homes[place]?.primary === primary)
  }

  /** The primary of a place, usable or not. */
  at(place: number): Primary | undefined {
    return this.homes[place]?.primary
  }

  /** The primary of a place; throws why it cannot be used now. */
  usable(place: number): Primary {
    const why = this.whyAway(place)
    if (why !== undefined) throw why
    return (this.homes[place] as Home).primary
  }

  whyAway(place: number): PgrError | undefined {
    if (this.closed) return unavailable('the store is closed')
    const home = this.homes[place]
    if (home === undefined) return this.nobody()
    const why = home.primary.whyNot()
    if (why !== undefined) return why
    return home.adopted ? undefined : unavailable(`redis at ${home.primary.endpoint} is taking over`)
  }

  /** Why nothing at all can be done; undefined when some of it can. */
  whyNot(): PgrError | undefined {
    if (this.closed) return unavailable('the store is closed')
    let why: PgrError | undefined
    for (const primary of this.primaries()) {
      const trouble = primary.whyNot()
      if (trouble === undefined) return undefined
      why ??= trouble
    }
    return why ?? this.nobody()
  }

  /**
   * Waits for a primary that was lost, or took over, a moment ago; resolves at once when it is there, or when it has been
   * away for so long that waiting would only pile up requests.
   */
  async comeback(place: number, deadlineMs: number): Promise<void> {
    for (;;) {
      if (this.closed || this.whyAway(place) === undefined) return
      const home = this.homes[place]
      const nowMs = performance.now()
      if (home === undefined || nowMs >= deadlineMs) return
      const lostAtMs = home.primary.awaySinceMs ?? Number.NEGATIVE_INFINITY
      const untilMs = Math.max(lostAtMs + COMEBACK_MS, home.sinceMs + TAKEOVER_MS)
      if (nowMs > untilMs) return
      await pause(COMEBACK_STEP_MS)
    }
  }

  /** Follows a redirection; resolves with the primary it leads to, which need not be usable. */
  async follow(place: number, { kind, address }: Redirection, deadlineMs: number): Promise<Primary> {
    if (!this.isCluster) throw asTrouble(this.wrongKind('1'))
    if (kind === 'MOVED') {
      this.assign([[place, address]])
      this.refreshSoon()
      await this.comeback(place, deadlineMs)
      return this.usable(place)
    }
    const { primary } = this.nodeAt(address)
    const untilMs = Math.min(deadlineMs, performance.now() + COMEBACK_MS)
    while (primary.whyNot() !== undefined && performance.now() < untilMs) await pause(COMEBACK_STEP_MS)
    primary.assertUsable()
    return primary
  }

  get natMap(): RedisStoreOptions['natMap'] {
    return this.options.natMap
  }

  addressOf(primary: Primary): Address {
    for (const node of this.nodes.values()) if (node.primary === primary) return node.address
    return endpointsOf(this.options)[0] ?? { host: '127.0.0.1', port: 0 }
  }

  isAlive(primary: object): boolean {
    for (const node of this.nodes.values())
      if (node.primary === primary) return node.primary.whyNot() === undefined
    return false
  }

  /** A name for the epoch that a partition starts when a script finds it missing; never the same twice. */
  seed(): string {
    return `${this.seedPrefix}${(this.epochs++).toString(36)}`
  }

  /** Asks the cluster who serves what, unless that was just done. */
  refreshSoon(): void {
    if (!this.isCluster || this.closed) return
    const waitMs = this.refreshedAtMs + REFRESH_SOONEST_MS - performance.now()
    if (waitMs <= 0) void this.refresh()
    else this.refreshAfter(waitMs)
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    this.endWatch()
    for (const { primary } of this.nodes.values()) primary.close()
  }

  async admit(primary: Primary, info: Info): Promise<PgrError | undefined> {
    const why = this.whyUnfit(info)
    if (why !== undefined) {
      if (!this.opened) this.fatal ??= why
      return asTrouble(why)
    }
    if (info.get('cluster_enabled') === '1' && !this.isCluster) this.becomeCluster()
    const places = this.placesOf(primary)
    const { refused, later } = await this.parts.admit(primary, info, places)
    if (refused !== undefined) {
      if (!this.opened) this.fatal ??= refused
      return refused
    }
    for (const place of places) {
      const home = this.homes[place]
      if (home?.primary === primary && !later.has(place)) home.adopted = true
    }
    if (later.size > 0) {
      this.refreshSoon()
      setTimeout(() => void primary.prepare(), ADMIT_AGAIN_MS).unref()
    }
    return undefined
  }

  changed(primary: Primary): void {
    if (primary.whyNot() !== undefined) {
      for (const place of primary.isLost() ? this.placesOf(primary) : []) {
        const home = this.homes[place]
        if (home !== undefined) home.adopted = false
      }
      this.refreshSoon()
    } else {
      this.parts.onUsable()
    }
    if (this.opened) this.tellIfAway()
  }

  demoted(info: Info): void {
    // A replica knows the other nodes as well as any.
    if (info.get('cluster_enabled') === '1' && this.kind === 'standalone') this.becomeCluster()
    this.refreshSoon()
  }

  private whyUnfit(info: Info): PgrError | undefined {
    const wrong =
      whyWrongKind(info, this.options.masterName !== undefined, this.options.endpoints.length) ??
      whyUnusable(info, this.options.forceEvictionPolicy === true)
    if (wrong !== undefined) return wrong
    return info.get('cluster_enabled') === '1' && dbOf(this.options) !== 0 ? this.noDatabases() : undefined
  }

  private async openSingle(): Promise<void> {
    const [endpoint] = endpointsOf(this.options)
    const address = { host: endpoint?.host ?? '127.0.0.1', port: endpoint?.port ?? 0 }
    const sentinel = this.options.masterName !== undefined
    const shown = sentinel ? this.endpoint : this.show(address)
    const primary = new Primary(this.options, sentinel ? 'sentinel' : address, shown, this)
    this.nodes.set(addressKey(address), { primary, address, usedAtMs: performance.now() })
    const sinceMs = performance.now()
    for (const place of this.homes.keys()) this.homes[place] = { primary, adopted: false, sinceMs }
    if (sentinel) this.endWatch = watchSentinels(this.options, primary)
    await primary.open()
    if (this.isCluster) await this.settle()
  }

  private async openCluster(): Promise<void> {
    this.known = byKey(endpointsOf(this.options))
    await this.refresh()
    await this.settle()
  }

  /** The one server given turned out to be a node of a cluster, which then is asked for the others. */
  private becomeCluster(): void {
    this.isCluster = true
    this.known = byKey(endpointsOf(this.options))
    this.homes.fill(undefined)
    void this.refresh()
  }

  /** Until every place can be used or something must not be. */
  private async settle(): Promise<void> {
    const untilMs = performance.now() + FIRST_WAIT_MS
    while (this.fatal === undefined && performance.now() < untilMs) {
      if (this.homes.every((_, place) => this.whyAway(place) === undefined)) return
      await pause(COMEBACK_STEP_MS)
    }
  }

  private refresh(): Promise<void> {
    this.refreshing ??= this.refreshOnce().finally(() => {
      this.refreshing = undefined
      this.refreshedAtMs = performance.now()
      const away = this.homes.some((_, place) => this.whyAway(place) !== undefined)
      this.refreshAfter(away ? REFRESH_AWAY_MS : REFRESH_EVERY_MS * (0.75 + Math.random() / 2))
    })
    return this.refreshing
  }

  private refreshAfter(ms: number): void {
    clearTimeout(this.timer)
    if (this.closed) return
    this.timer = setTimeout(() => void this.refresh(), ms)
    this.timer.unref()
  }

  private async refreshOnce(): Promise<void> {
    const askedAtMs = performance.now()
    const maps = await this.askNodes()
    if (this.closed || maps.length === 0) return
    this.lastScout = undefined
    this.known = byKey([...endpointsOf(this.options), ...addressesIn(maps)])
    const owners = ownersOf(this.keys.slots, maps)
    const changes: [number, Address][] = []
    for (const [place, owner] of owners.entries()) {
      // A node that sent us elsewhere meanwhile knows better than what was answered before.
      const sinceMs = this.homes[place]?.sinceMs ?? Number.NEGATIVE_INFINITY
      if (owner !== undefined && sinceMs < askedAtMs) changes.push([place, owner])
    }
    this.assign(changes)
    this.dropIdle()
  }

  /** The slot maps of as many nodes as answer: the primaries in use, and others where those leave something open. */
  private async askNodes(): Promise<readonly (readonly SlotRange[])[]> {
    const asking: Promise<SlotRange[]>[] = []
    const asked = new Set<string>()
    for (const [key, { primary, address }] of this.nodes) {
      if (primary.read.status !== 'ready' || primary.whyNot() !== undefined) continue
      asked.add(key)
      asking.push(primary.read.cluster('SLOTS').then((reply) => this.readMap(reply, address)))
    }
    const away = this.homes.some((_, place) => this.whyAway(place) !== undefined)
    if (asking.length < 2 || away) {
      const others = [...this.known].filter(([key]) => !asked.has(key)).map(([, address]) => address)
      for (const address of shuffle(others).slice(0, MOST_SCOUTS)) asking.push(this.scout(address))
    }
    return mostAnswers(asking)
  }

  private async scout(address: Address): Promise<SlotRange[]> {
    const scout = makeScout(this.options, address, 'node')
    try {
      await connectScout(scout)
      return this.readMap(await scout.cluster('SLOTS'), address)
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : ''
      this.lastScout = { at: this.show(address), reason }
      if (!this.opened && /cluster support disabled|unknown command/i.test(message))
        this.fatal ??= this.wrongKind('0')
      throw reason
    } finally {
      hangUp(scout)
    }
  }

  private readMap(reply: unknown, asked: Address): SlotRange[] {
    return readSlots(reply, asked, this.options.natMap)
  }

  /** Gives places to the nodes at these addresses. What is new there is looked at before it is used. */
  private assign(changes: Iterable<readonly [number, Address]>): void {
    const taken = new Map<Primary, number>()
    const sinceMs = performance.now()
    for (const [place, address] of changes) {
      const { primary } = this.nodeAt(address)
      if (this.homes[place]?.primary === primary) continue
      const isMove = this.homes[place] !== undefined
      this.homes[place] = { primary, adopted: false, sinceMs }
      taken.set(primary, (taken.get(primary) ?? 0) + (isMove ? 1 : 0))
    }
    for (const [primary, moved] of taken) {
      if (primary.write.status === 'ready' && primary.read.status === 'ready') void primary.prepare()
      if (moved === 0) continue
      const message = `redis at ${primary.endpoint} took over ${moved} of ${this.homes.length} places`
      this.options.tell({ kind: 'store.topology', message })
    }
  }

  private nodeAt(address: Address): { primary: Primary } {
    const key = addressKey(address)
    const node = this.nodes.get(key)
    if (node !== undefined) {
      node.usedAtMs = performance.now()
      return node
    }
    const primary = new Primary(this.options, address, this.show(address), this)
    const fresh = { primary, address, usedAtMs: performance.now() }
    this.nodes.set(key, fresh)
    void primary.open()
    return fresh
  }

  private dropIdle(): void {
    const serving = new Set(this.primaries())
    for (const [key, { primary, usedAtMs }] of this.nodes) {
      if (serving.has(primary) || performance.now() - usedAtMs < IDLE_MS) continue
      primary.close()
      this.nodes.delete(key)
    }
  }

  /** Told when the first part of the store is lost, and when all of it is back. */
  private tellIfAway(): void {
    const { tell } = this.options
    const away = this.primaries().find((primary) => primary.whyNot() !== undefined)
    const why = away?.whyNot() ?? (this.homes.includes(undefined) ? this.nobody() : undefined)
    if (why !== undefined && this.lostAtMs === undefined) {
      this.lostAtMs = performance.now()
      this.reasons.clear()
      this.reasons.add(why.message)
      tell({ kind: 'store.lost', store: 'redis', reason: why.message })
    } else if (why !== undefined) {
      this.tellReason(why.message)
    } else if (why === undefined && this.lostAtMs !== undefined) {
      const downSeconds = (performance.now() - this.lostAtMs) / 1000
      this.lostAtMs = undefined
      tell({ kind: 'store.back', store: 'redis', downSeconds })
    }
  }

  /** A connection breaks first and is refused for what is wrong then; each reason of an outage is told once. */
  private tellReason(reason: string): void {
    if (this.reasons.size >= MOST_REASONS || this.reasons.has(reason)) return
    this.reasons.add(reason)
    const facts = { store: 'redis', reason }
    this.options.tell({ kind: 'notice', level: 'warn', message: 'the store is still away', facts })
  }

  private show(address: Address): string {
    return showEndpoint({ ...address, tls: usesTls(this.options) })
  }

  private nobody(): PgrError {
    const untold = `no node of the redis cluster at ${this.endpoint} told who serves this partition`
    if (this.lastScout === undefined) return unavailable(untold)
    const { at, reason } = this.lastScout
    const { code, message, retryAfterSeconds = 1 } = classify(reason).error
    return new PgrError(code, `${untold}; ${at}: ${message}`, { cause: reason, retryAfterSeconds })
  }

  private wrongKind(clusterEnabled: '0' | '1'): PgrError {
    const info = new Map([['cluster_enabled', clusterEnabled]])
    const { masterName, endpoints } = this.options
    return whyWrongKind(info, masterName !== undefined, endpoints.length) ?? this.nobody()
  }

  private noDatabases(): PgrError {
    return new PgrError(
      'PGR_SETTING_INVALID',
      `a redis cluster has no databases but 0, and --redis.db is ${dbOf(this.options)}; leave it out`,
    )
  }
}

/** A setting that does not fit the server ends a start. To those who call later it is the store that is not as it should be. */
function asTrouble(error: PgrError): PgrError {
  return error.code === 'PGR_SETTING_INVALID' ? misconfigured(error.message) : error
}

/** What came of these questions, as far as answers that say something come in time. */
function mostAnswers(asking: readonly Promise<SlotRange[]>[]): Promise<readonly (readonly SlotRange[])[]> {
  const answers: SlotRange[][] = []
  let open = asking.length
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      clearTimeout(shorter)
      resolve([...answers])
    }
    let shorter: NodeJS.Timeout | undefined
    const timer = setTimeout(end, ANSWER_WITHIN_MS)
    const settle = (ranges: SlotRange[]): void => {
      open--
      if (ranges.length > 0) answers.push(ranges)
      if (open === 0) end()
      else if (answers.length > asking.length / 2) shorter ??= setTimeout(end, STRAGGLER_MS)
    }
    for (const answer of asking) answer.then(settle, () => settle([]))
    if (open === 0) end()
  })
}

function addressesIn(maps: readonly (readonly SlotRange[])[]): Address[] {
  return maps.flatMap((ranges) => ranges.flatMap(({ primary, replicas }) => [primary, ...replicas]))
}

function byKey(addresses: readonly Address[]): ReadonlyMap<string, Address> {
  return new Map(addresses.map(({ host, port }) => [addressKey({ host, port }), { host, port }]))
}

function shuffle<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
