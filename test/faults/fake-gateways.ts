import { makeChance } from './chance.ts'
import type { Answer, ScrapeAnswer } from './history.ts'
import type { PushRequest, Target } from './target.ts'
import { readPage, type Token, writeBody } from './tokens.ts'

/** Ways to break a promise on purpose, one rule each. */
export type Breakage =
  | 'loses acknowledged pushes'
  | 'shows acknowledged pushes late'
  | 'keeps deleted groups'
  | 'tears groups'
  | 'mixes pushes'
  | 'goes back to an older push'
  | 'takes back what it showed'
  | 'applies a push twice'
  | 'adds twice'
  | 'forgets what was added'
  | 'applies what it refused'
  | 'shows what was never sent'
  | 'expires early'
  | 'expires late'
  | 'brings expired groups back'
  | 'differs between replicas'
  | 'answers 500'
  | 'gives no Retry-After'
  | 'gives a Retry-After of an hour'
  | 'always gives the same Retry-After'
  | 'answers late'
  | 'never answers'
  | 'breaks connections'
  | 'grows'
  | 'fails without a cause'
  | 'refuses scrapes without a cause'
  | 'never recovers'
  | 'counts a lost write too few'
  | 'counts a lost write too many'

interface Stored extends Token {
  readonly families: number
  readonly expiresMs: number
  /** Not shown before. */
  readonly visibleMs: number
  pushedMs: number
  /** What it replaced. */
  readonly before: Stored | undefined
  /** End of the first scrape that showed it, or later. */
  seenMs: number
  isAcknowledged: boolean
}

export interface FakeGateways {
  readonly targets: readonly Target[]
  /** Pushes and scrapes are answered 503 until it is called with false; about half of the pushes are applied. */
  refuse(isRefusing: boolean): void
  /** Forgets the newest pushes, as a failover does, and counts them. */
  lose(pushes: number): void
}

const MIB = 1024 * 1024
const LATE_MS = 1500
const QUIET_MS = 200
/** A scrape has ended so long after its page was made. */
const SCRAPE_TAIL_MS = 10

/**
 * Gateways over one store, all of it in memory and within the promises, but for one breakage. About one push in
 * `every` is hit by it.
 */
export function makeFakeGateways(count: number, breakage?: Breakage, every = 20): FakeGateways {
  const chance = makeChance(7)
  const units = new Map<string, Stored>()
  const sums = new Map<string, number>()
  /** Newest last. */
  const acknowledged: { unit: string; stored: Stored }[] = []
  const beganMs = performance.now()
  let isRefusing = false
  let wasRefusing = false
  let lastPushMs = 0
  let lost = 0
  let scrapes = 0
  let turn = 0

  const does = (which: Breakage): boolean => breakage === which
  /** At every n-th push, whichever it is. */
  const isHit = (which: Breakage): boolean => does(which) && ++turn % every === 0
  /** Pages are broken while there are pushes; what replicas show afterwards is another matter. */
  const isPageHit = (which: Breakage): boolean => performance.now() - lastPushMs < QUIET_MS && isHit(which)
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

  function apply({ unit, kind, ttlMs, ...token }: PushRequest): Stored | undefined {
    const nowMs = performance.now()
    if (kind === 'wipe') units.clear()
    if (kind === 'delete' && !isHit('keeps deleted groups')) units.delete(unit)
    if (kind === 'add' && !isHit('forgets what was added'))
      sums.set(unit, (sums.get(unit) ?? 0) + (isHit('adds twice') ? 2 : 1))
    if (kind === 'wipe' || kind === 'delete' || kind === 'add') return undefined
    if (isHit('loses acknowledged pushes')) return undefined
    const stretch = does('expires early') ? 0.8 * ttlMs : does('expires late') ? ttlMs + LATE_MS : ttlMs
    const before = units.get(unit)
    const stored: Stored = {
      ...token,
      expiresMs: ttlMs === 0 ? Number.POSITIVE_INFINITY : nowMs + stretch,
      visibleMs: nowMs + (isHit('shows acknowledged pushes late') ? LATE_MS : 0),
      pushedMs: nowMs,
      before,
      seenMs: Number.POSITIVE_INFINITY,
      isAcknowledged: false,
    }
    units.set(unit, stored)
    if (isHit('applies a push twice')) {
      setTimeout(() => {
        stored.pushedMs = performance.now()
      }, LATE_MS)
    }
    return stored
  }

  async function push(request: PushRequest): Promise<Answer> {
    await sleep(1 + chance.below(5))
    lastPushMs = performance.now()
    if (isHit('answers 500')) return { outcome: 'unknown', status: 500 }
    if (isHit('fails without a cause')) return unavailable()
    if (isHit('applies what it refused')) {
      apply(request)
      return { outcome: 'refused', status: 400 }
    }
    if (isHit('never answers')) {
      await sleep(5000)
      return { outcome: 'unknown', status: 0, broken: 'timeout' }
    }
    if (isHit('breaks connections')) return { outcome: 'unknown', status: 0, broken: 'reset' }
    if (isRefusing || (does('never recovers') && wasRefusing)) {
      if (chance.next() < 0.5) apply(request)
      return unavailable()
    }
    const stored = apply(request)
    await sleep(isHit('answers late') ? 4500 : 1 + chance.below(5))
    if (stored !== undefined) acknowledge(request.unit, stored)
    return { outcome: 'ok', status: 200 }
  }

  function acknowledge(unit: string, stored: Stored): void {
    stored.isAcknowledged = true
    acknowledged.push({ unit, stored })
    if (acknowledged.length > 1000) acknowledged.splice(0, 500)
  }

  function unavailable(): Answer {
    const seconds = does('always gives the same Retry-After') ? 2 : 1 + chance.below(5)
    const retryAfter = isHit('gives a Retry-After of an hour') ? '3600' : `${seconds}`
    const header = isHit('gives no Retry-After') ? {} : { retryAfter }
    return { outcome: 'unknown', status: 503, ...header }
  }

  function shownOf(stored: Stored, startMs: number): Stored | undefined {
    const nowMs = performance.now()
    const { before } = stored
    if (stored.visibleMs > nowMs) return before
    if (stored.seenMs < startMs) {
      if (before !== undefined && before.seenMs < startMs && isPageHit('goes back to an older push'))
        return before
      if (!stored.isAcknowledged && isPageHit('takes back what it showed')) return undefined
    }
    stored.seenMs = Math.min(stored.seenMs, nowMs + SCRAPE_TAIL_MS)
    return stored
  }

  function render(replica: number, startMs: number): string {
    const nowMs = performance.now()
    let text = does('differs between replicas') ? `# HELP fault_times by ${replica}\n` : ''
    for (const [unit, stored] of units) {
      const overMs = nowMs - stored.expiresMs
      if (overMs >= 0 && !does('brings expired groups back')) units.delete(unit)
      if (overMs >= 0 && overMs < 2 * LATE_MS) continue
      const shown = shownOf(stored, startMs)
      if (shown !== undefined) text += renderUnit(unit, shown)
    }
    for (const [unit, sum] of sums) text += `fault_sum{${labelsOf(unit)}} ${sum}\n`
    if (does('shows what was never sent')) text += renderUnit('unique/x', neverSent())
    return text
  }

  function renderUnit(unit: string, { pushedMs, ...stored }: Stored): string {
    const lines = linesOf(stored, unit)
    if (isPageHit('tears groups')) lines.pop()
    if (isPageHit('mixes pushes'))
      lines.splice(-1, 1, ...linesOf({ ...stored, seq: stored.seq + 1 }, unit).slice(-1))
    return `${lines.join('\n')}\npush_time_seconds{${labelsOf(unit)}} ${pushedMs / 1000}\n`
  }

  async function scrape(replica: number): Promise<ScrapeAnswer> {
    const startMs = performance.now()
    await sleep(1 + chance.below(5))
    scrapes++
    if (isRefusing) return { status: 503, retryAfter: '1' }
    if (does('refuses scrapes without a cause') && scrapes % every === 0)
      return { status: 503, retryAfter: '1' }
    const text = render(replica, startMs)
    await sleep(chance.below(SCRAPE_TAIL_MS))
    return { status: 200, page: readPage(text), digest: text }
  }

  return {
    targets: Array.from({ length: count }, (_, replica) => ({
      push,
      scrape: () => scrape(replica),
      async readSelf() {
        const grownBytes = does('grows') ? (performance.now() - beganMs) * MIB * 0.05 : 0
        const wrong = does('counts a lost write too few') ? -1 : does('counts a lost write too many') ? 1 : 0
        return {
          lostWrites: replica === 0 && lost > 0 ? lost + wrong : 0,
          resubmittedWrites: 0,
          historyLosses: 0,
          residentBytes: 100 * MIB + grownBytes,
        }
      },
      close: () => undefined,
    })),
    refuse(isOn) {
      isRefusing = isOn
      wasRefusing = true
    },
    lose(pushes) {
      for (const { unit, stored } of acknowledged.splice(-pushes).reverse()) {
        lost++
        if (units.get(unit) !== stored) continue
        if (stored.before === undefined) units.delete(unit)
        else units.set(unit, stored.before)
      }
    },
  }
}

function neverSent(): Stored {
  const times = { expiresMs: 0, visibleMs: 0, pushedMs: 0, seenMs: 0 }
  return { writer: 0, seq: 1e6, families: 2, ...times, before: undefined, isAcknowledged: false }
}

function labelsOf(unit: string): string {
  const [job = '', name = ''] = unit.split('/')
  return `group="${name}",instance="",job="${job}"`
}

/** As a page shows a push: without comments, with the labels of its group. */
function linesOf(token: Token & { readonly families: number }, unit: string): string[] {
  return writeBody(token, token.families, `${labelsOf(unit)},`)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
}
