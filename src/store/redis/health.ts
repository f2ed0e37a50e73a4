import { randomBytes } from 'node:crypto'
import { runScript } from './connect.ts'
import { type Info, infoNumber, readInfo } from './info.ts'
import type { Keyspace } from './keys.ts'
import type { Link } from './link.ts'
import type { RedisStoreOptions } from './options.ts'
import { findingsOf } from './requirements.ts'
import { scripts } from './scripts.ts'

const ANNOUNCE_EVERY_MS = 10_000
const SILENT_AFTER_MS = 60_000
const LOOK_EVERY_MS = 60_000

/** Looks at the server every minute, and lets other replicas know that this one is there. */
export class Health {
  private readonly link: Link
  private readonly keys: Keyspace
  private readonly options: RedisStoreOptions
  private readonly onEviction: () => void
  private readonly told = new Map<string, boolean>()
  private readonly timers: NodeJS.Timeout[]
  private readonly id = randomBytes(8).toString('hex')
  private evicted: number | undefined
  private replicas = 0

  constructor(link: Link, keys: Keyspace, options: RedisStoreOptions, onEviction: () => void) {
    this.link = link
    this.keys = keys
    this.options = options
    this.onEviction = onEviction
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
    link.onUsable = (info) => {
      this.note(info)
      quietly(() => this.announce())()
    }
  }

  async describe(): Promise<ReadonlyMap<string, string | number | boolean>> {
    const facts = new Map<string, string | number | boolean>([
      ['endpoint', this.link.endpoint],
      ['partitions', this.keys.partitions.length],
    ])
    const why = this.link.whyNot()
    facts.set('connected', why === undefined)
    if (why !== undefined) return facts.set('reason', why.message)
    const info = readInfo(await this.link.read.info())
    for (const name of ['redis_version', 'valkey_version', 'role', 'maxmemory_policy', 'redis_mode']) {
      const value = info.get(name)
      if (value !== undefined) facts.set(name, value)
    }
    for (const name of ['used_memory', 'maxmemory', 'connected_slaves', 'evicted_keys', 'uptime_in_seconds'])
      facts.set(name, infoNumber(info, name))
    facts.set('append_only_file', info.get('aof_enabled') === '1')
    facts.set('replicas', this.replicas)
    return facts
  }

  /** Stops looking and takes this replica off the list. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer)
    if (this.link.whyNot() === undefined) await this.say('1').catch(() => undefined)
  }

  private async look(): Promise<void> {
    this.link.assertUsable()
    this.note(readInfo(await this.link.read.info()))
  }

  private async announce(): Promise<void> {
    if (this.link.whyNot() === undefined) await this.say('0')
  }

  private async say(leaving: '0' | '1'): Promise<void> {
    const { version = '', address = '' } = this.options
    const values = [this.id, JSON.stringify({ version, address }), SILENT_AFTER_MS, leaving]
    this.replicas = Number(await runScript(this.link.write, scripts.announce, [this.keys.replicas], values))
  }

  /** Tells what is new: bad news once, and when it turned good. */
  private note(info: Info): void {
    for (const finding of findingsOf(info)) {
      if ((this.told.get(finding.finding) ?? true) === finding.ok) continue
      this.told.set(finding.finding, finding.ok)
      this.options.tell({ kind: 'store.finding', ...finding })
    }
    const evicted = infoNumber(info, 'evicted_keys')
    if (this.evicted !== undefined && evicted > this.evicted) {
      const message = `redis evicted ${evicted - this.evicted} keys; what they held is lost, and everything is read again`
      this.options.tell({ kind: 'store.finding', finding: 'evicted-keys', message, ok: false })
      this.onEviction()
    }
    this.evicted = evicted
  }
}
