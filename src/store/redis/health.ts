import { randomBytes } from 'node:crypto'
import type { StoreFinding, StoreLosses, StorePrimary, StoreReplica, StoreReport } from '../store.ts'
import { type Route, runAt } from './courier.ts'
import { classify } from './failures.ts'
import { type Info, infoNumber, readInfo } from './info.ts'
import { type Keyspace, PARTITIONS, PLACE_OF } from './keys.ts'
import type { RedisStoreOptions } from './options.ts'
import type { Primary } from './primary.ts'
import { type Finding, findingsOf } from './requirements.ts'
import { ask, runScript } from './run-script.ts'
import { scripts } from './scripts.ts'
import type { Topology } from './topology.ts'

const ANNOUNCE_EVERY_MS = 10_000
const SILENT_AFTER_MS = 60_000
const LOOK_EVERY_MS = 60_000
/** Evictions are over in a moment; what watches findings has to notice them. */
const EVICTED_FOR_MS = 15 * 60_000

export interface HealthParts {
  readonly topology: Topology
  readonly keys: Keyspace
  readonly options: RedisStoreOptions
  losses(): StoreLosses
  /** A primary threw keys away; what it holds has to be read again. */
  onEviction(primary: Primary): void
}

const EVICTED = 'evicted-keys'

/** What was found out about one server. */
interface Looked {
  readonly findings: readonly StoreFinding[]
  /** The process that said so: counters are its own, and behind one name may be another server by now. */
  readonly runId: string | undefined
  readonly evicted: number
  /** The last time that more were evicted (performance.now), and how many. */
  readonly lastEviction: { readonly atMs: number; readonly keys: number } | undefined
}

/** Looks at the servers every minute, and lets other replicas know that this one is there. */
export class Health {
  private readonly parts: HealthParts
  private readonly looked = new Map<string, Looked>()
  private readonly told = new Map<string, boolean>()
  private readonly timers: NodeJS.Timeout[]
  private readonly id = randomBytes(8).toString('hex')

  constructor(parts: HealthParts) {
    this.parts = parts
    // Findings are housekeeping: what keeps them from being made is told by the calls that matter.
    const quietly = (work: () => Promise<void>) => () => void work().catch(() => undefined)
    this.timers = [
      setInterval(
        quietly(() => this.look()),
        LOOK_EVERY_MS,
      ),
      setInterval(
        quietly(() => this.announce()),
        ANNOUNCE_EVERY_MS,
      ),
    ]
    for (const timer of this.timers) timer.unref()
  }

  async describe(): Promise<StoreReport> {
    const { topology, losses } = this.parts
    const primaries = topology.primaries()
    const facts = new Map<string, string | number | boolean>([
      ['endpoint', topology.endpoint],
      ['topology', topology.kind],
      ['partitions', PARTITIONS],
      ['connected', topology.whyNot() === undefined],
    ])
    const rows = await Promise.all(primaries.map((primary) => this.rowOf(primary, facts)))
    return {
      name: 'redis',
      facts,
      findings: [...this.looked.values()].flatMap(({ findings }) => findings),
      losses: losses(),
      primaries: rows,
      replicas: await this.replicas().catch(() => []),
      self: this.id,
    }
  }

  /** A server was met and is fine: takes note of what it says of itself. */
  note(primary: Primary, info: Info): void {
    const { endpoint } = primary
    const runId = info.get('run_id')
    const evicted = infoNumber(info, 'evicted_keys')
    const before = this.looked.get(endpoint)
    const { topology, options } = this.parts
    const expected = { topology: topology.kind, replicas: options.waitReplicas ?? 0 }
    const keys = before === undefined || before.runId !== runId ? 0 : evicted - before.evicted
    const lastEviction = keys > 0 ? { atMs: performance.now(), keys } : before?.lastEviction
    if (keys > 0) {
      this.told.delete(EVICTED)
      this.parts.onEviction(primary)
    }
    const findings: StoreFinding[] = [...findingsOf(info, expected), evictionFinding(lastEviction)].map(
      (finding) => ({ ...finding, where: endpoint }),
    )
    this.looked.set(endpoint, { findings, runId, evicted, lastEviction })
    this.tellNews(findings)
  }

  /** A first look was had and the replica can be announced. */
  async announce(): Promise<void> {
    if (this.parts.topology.whyAway(PLACE_OF.replicas) === undefined) await this.say('0')
  }

  /** Stops looking and takes this replica off the list. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer)
    if (this.parts.topology.whyAway(PLACE_OF.replicas) === undefined)
      await this.say('1').catch(() => undefined)
  }

  private async look(): Promise<void> {
    const primaries = this.parts.topology.primaries()
    const serving = new Set(primaries.map(({ endpoint }) => endpoint))
    for (const endpoint of [...this.looked.keys()]) if (!serving.has(endpoint)) this.looked.delete(endpoint)
    const usable = primaries.filter((primary) => primary.whyNot() === undefined)
    // One that does not answer keeps nobody from looking at the others.
    await Promise.allSettled(
      usable.map(async (primary) => this.note(primary, readInfo(await primary.read.info()))),
    )
  }

  private async say(leaving: '0' | '1'): Promise<void> {
    const { options, keys } = this.parts
    const { version = '', address = '' } = options
    const values = [this.id, JSON.stringify({ version, address }), SILENT_AFTER_MS, leaving]
    await this.atReplicas(({ primary, asking }) =>
      runScript(primary.read, scripts.announce, [keys.replicas], values, asking),
    )
  }

  private async replicas(): Promise<StoreReplica[]> {
    const all = await this.atReplicas(({ primary: { read }, asking }) => {
      if (asking) ask(read)
      return read.hgetall(this.parts.keys.replicas)
    })
    return Object.entries(all).map(([id, text]) => readReplica(id, text))
  }

  private atReplicas<T>(run: (route: Route) => Promise<T>): Promise<T> {
    const { topology, options } = this.parts
    return runAt(topology, PLACE_OF.replicas, { deadlineMs: performance.now() + options.timeoutMs }, run)
  }

  private async rowOf(
    primary: Primary,
    facts: Map<string, string | number | boolean>,
  ): Promise<StorePrimary> {
    const { endpoint } = primary
    const partitions = this.parts.topology.placesOf(primary).filter((place) => place < PARTITIONS).length
    let why = primary.whyNot()
    try {
      if (why === undefined) addFacts(facts, readInfo(await primary.read.info()))
    } catch (reason) {
      why = classify(reason).error
    }
    return why === undefined
      ? { endpoint, partitions, state: 'usable' }
      : { endpoint, partitions, state: 'away', reason: why.message }
  }

  /** Bad news once, and when it turned good; a thing is in order when it is so on every server. */
  private tellNews(findings: readonly StoreFinding[]): void {
    const all = [...this.looked.values()].flatMap((looked) => looked.findings)
    for (const { finding, message, where } of findings) {
      const bad = all.find((other) => other.finding === finding && !other.ok)
      const ok = bad === undefined
      if ((this.told.get(finding) ?? true) === ok) continue
      this.told.set(finding, ok)
      this.parts.options.tell({
        kind: 'store.finding',
        finding,
        ok,
        message: `${bad?.message ?? message} (${bad?.where ?? where})`,
      })
    }
  }
}

function evictionFinding(last: Looked['lastEviction']): Finding {
  const ok = last === undefined || performance.now() >= last.atMs + EVICTED_FOR_MS
  const keys = last?.keys ?? 0
  const message = `redis evicted ${keys} keys; what they held is lost, and everything is read again`
  return { finding: EVICTED, ok, message }
}

/** Of several servers texts are those of the last, amounts are added up. */
function addFacts(facts: Map<string, string | number | boolean>, info: Info): void {
  for (const name of ['redis_version', 'valkey_version', 'role', 'maxmemory_policy', 'redis_mode']) {
    const value = info.get(name)
    if (value !== undefined) facts.set(name, value)
  }
  for (const name of ['used_memory', 'maxmemory', 'connected_slaves', 'evicted_keys'])
    facts.set(name, Number(facts.get(name) ?? 0) + infoNumber(info, name))
  facts.set('uptime_in_seconds', infoNumber(info, 'uptime_in_seconds'))
  facts.set('append_only_file', info.get('aof_enabled') === '1')
}

/** As `announce` writes it: when it was last seen, then what it says of itself. */
function readReplica(id: string, text: string): StoreReplica {
  const at = text.indexOf(' ')
  const lastSeenMs = Number(text.slice(0, at))
  try {
    const said: unknown = JSON.parse(text.slice(at + 1))
    const { version, address } = (said ?? {}) as { version?: unknown; address?: unknown }
    return { id, version: String(version ?? ''), address: String(address ?? ''), lastSeenMs }
  } catch {
    return { id, version: '', address: '', lastSeenMs }
  }
}
