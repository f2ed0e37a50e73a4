import { isUncertain, meaningOfAbsence } from './excuses.ts'
import type { Event, Fault, Push, Scrape } from './history.ts'
import type { Page, ShownUnit } from './tokens.ts'
import { expiresFromMs, keyOf, newWrite, overMs, type Write } from './write.ts'

interface Unit {
  readonly name: string
  /** In the order of their first attempts. */
  readonly writes: Map<number, Write>
  /** Number of the last scrape that showed it. */
  shownIn: number
}

/** What one scrape shows of one unit, set against what was written to it. */
export interface Sighting {
  readonly unit: string
  readonly scrape: Scrape
  readonly endMs: number
  /** Undefined when the page does not have the unit. */
  readonly shown: ShownUnit | undefined
  readonly pushTime: number | undefined
  /** What is shown; undefined when that token was never sent there, or so long ago that it is forgotten here. */
  readonly write: Write | undefined
  /** Whether a token of this number was ever sent by its writer. */
  readonly isIssued: boolean
  /** Whether anything of the unit is remembered; of one whose every write has expired nothing is. */
  readonly isRemembered: boolean
  /**
   * Writes that were acknowledged, or seen, before this scrape began and that it contradicts: it shows what was over
   * before they began, or nothing. Without those that a fault excuses and those reported before.
   */
  readonly missed: readonly Write[]
}

/** How the acknowledged writes ended, as far as pages told. */
export interface Losses {
  /** Shown by at least one page. */
  readonly confirmed: number
  /** Gone, and a fault allows it. */
  readonly lost: number
  /** Gone, and nothing allows it. */
  readonly gone: number
  /** A fault may have lost them, and no later page could tell. */
  readonly uncertain: number
}

export interface BookOptions {
  /** So long after it was sent a push whose answer is not known may still be applied. */
  readonly appliesWithinMs: number
  /** Expired data is gone from pages asked for so long after its time. */
  readonly expirySlackMs: number
}

export interface Book {
  see(event: Event): void
  /** Everything a page says and ought to say, unit by unit; what it shows counts as seen from then on. */
  sightings(scrape: Scrape, endMs: number, page: Page): Generator<Sighting>
  /** Of writes that no page will tell more about. */
  soFar(): Losses
  /** To be asked once, at the end. */
  settle(): Losses
}

/** Longer than any scrape: what is older and was written over cannot be shown rightly. */
const MEMORY_MS = 30_000
/** Of the writes of one unit, older ones are dropped each time so many have come. */
const PRUNE_EVERY = 32

/** A page that was seen. */
interface Seen {
  readonly scrape: Scrape
  readonly endMs: number
}

/** A unit is a register: its pushes replace each other, so that a page shows one of them or none. */
export function makeBook(faults: readonly Fault[], { appliesWithinMs, expirySlackMs }: BookOptions): Book {
  const units = new Map<string, Unit>()
  const wipes: Write[] = []
  const openScrapes = new Set<Scrape>()
  /** Highest number sent, per writer. */
  const issued = new Map<number, number>()
  /** What attempts that are over add up to, while another one is open. A writer has one at a time. */
  const settledUntil = new WeakMap<Write, number>()
  const losses = { confirmed: 0, lost: 0, gone: 0, uncertain: 0 }
  let scrapes = 0

  function writeOf(push: Push): Write {
    if (push.kind === 'wipe') return findOrAdd(wipes, push)
    let unit = units.get(push.unit)
    if (unit === undefined) {
      unit = { name: push.unit, writes: new Map(), shownIn: 0 }
      units.set(push.unit, unit)
    }
    const key = keyOf(push)
    const known = unit.writes.get(key)
    if (known !== undefined) return known
    if (unit.writes.size % PRUNE_EVERY === PRUNE_EVERY - 1) prune(unit, push.startMs - MEMORY_MS)
    const write = newWrite(push)
    unit.writes.set(key, write)
    return write
  }

  function sent(push: Push): void {
    issued.set(push.writer, Math.max(push.seq, issued.get(push.writer) ?? 0))
    const write = writeOf(push)
    write.attempts++
    write.untilMs = Number.POSITIVE_INFINITY
  }

  function ended({ push, answer, endMs }: Event & { kind: 'push.ended' }): void {
    const write = writeOf(push)
    const before = settledUntil.get(write) ?? Number.NEGATIVE_INFINITY
    let untilMs = before
    if (answer.outcome === 'refused') write.attempts--
    else untilMs = answer.outcome === 'ok' ? endMs : Math.max(endMs, push.startMs + appliesWithinMs)
    write.untilMs = Math.max(before, untilMs)
    settledUntil.set(write, write.untilMs)
    if (answer.outcome !== 'ok') return
    write.ackStartMs = push.startMs
    write.ackMs = endMs
  }
  /** Drops what was written over, but for the newest acknowledged write from before `beforeMs`. */
  function prune(unit: Unit, beforeMs: number): void {
    const old: [key: number, write: Write][] = []
    let newestAckStartMs = Number.NEGATIVE_INFINITY
    for (const entry of unit.writes) {
      const [, write] = entry
      if (write.startMs >= beforeMs) break
      old.push(entry)
      if (write.ackMs < beforeMs) newestAckStartMs = Math.max(newestAckStartMs, write.ackStartMs)
    }
    for (const [key, write] of old) {
      if (write.untilMs >= newestAckStartMs) continue
      unit.writes.delete(key)
      close(write)
    }
  }

  /** A unit whose every write has expired, which no scrape under way may still show. */
  function retire(unit: Unit, scrape: Scrape): void {
    let firstOpenMs = scrape.startMs
    for (const { startMs } of openScrapes) firstOpenMs = Math.min(firstOpenMs, startMs)
    for (const write of unit.writes.values()) if (!(overMs(write) + expirySlackMs < firstOpenMs)) return
    units.delete(unit.name)
    for (const write of unit.writes.values()) close(write)
  }

  /** Counts a write that no page will tell more about. */
  function close(write: Write): void {
    if (write.ackMs === Number.POSITIVE_INFINITY) return
    if (write.seenMs < Number.POSITIVE_INFINITY) losses.confirmed++
    if (write.absence === 'lost') losses.lost++
    else if (write.absence === 'gone') losses.gone++
    else if (isUncertain(faults, write)) losses.uncertain++
  }

  /**
   * Up to when nothing may have been left: by a removal, or because what was written expired. A write that came after
   * that has to be shown.
   */
  function nothingUntil(unit: Unit, endMs: number): number {
    let untilMs = Number.NEGATIVE_INFINITY
    const consider = (write: Write): void => {
      if (write.attempts === 0 || write.startMs > endMs) return
      if (write.isRemoval || expiresFromMs(write) <= endMs) untilMs = Math.max(untilMs, write.untilMs)
    }
    wipes.forEach(consider)
    unit.writes.forEach(consider)
    return untilMs
  }

  /** What was over before `untilMs` is shown, or nothing. */
  function missedBy(unit: Unit, shown: Write | undefined, untilMs: number, { scrape, endMs }: Seen): Write[] {
    const missed: Write[] = []
    const judge = (write: Write): void => {
      // What was found missing for good is found once.
      if (write === shown || write.absence === 'gone' || write.absence === 'lost') return
      const isAcknowledged = write.ackMs < scrape.startMs
      if (!isAcknowledged && !(write.seenMs < scrape.startMs)) return
      if (write.attempts === 0 || untilMs >= (isAcknowledged ? write.ackStartMs : write.startMs)) return
      write.absence = meaningOfAbsence(faults, write, scrape, endMs)
      if (write.absence === 'gone') missed.push(write)
    }
    unit.writes.forEach(judge)
    wipes.forEach(judge)
    return missed
  }

  function note(write: Write, scrape: Scrape, endMs: number, pushTime: number | undefined): void {
    write.absence = 'none'
    write.seenMs = Math.min(write.seenMs, endMs)
    write.lastSeenMs = Math.max(write.lastSeenMs, scrape.startMs)
    if (pushTime !== undefined && !write.pushTimes.includes(pushTime)) write.pushTimes.push(pushTime)
  }

  return {
    see(event) {
      if (event.kind === 'push.sent' && event.push.kind !== 'add') sent(event.push)
      if (event.kind === 'push.ended' && event.push.kind !== 'add') ended(event)
      if (event.kind === 'scrape.sent') openScrapes.add(event.scrape)
      if (event.kind === 'scrape.ended') openScrapes.delete(event.scrape)
    },

    *sightings(scrape, endMs, page) {
      scrapes++
      const seen = { scrape, endMs }
      for (const [name, shown] of page.units) {
        const unit = units.get(name)
        const write = unit?.writes.get(keyOf(shown))
        const pushTime = page.pushTimes.get(name)
        const isIssued = shown.seq <= (issued.get(shown.writer) ?? 0)
        if (write !== undefined && !shown.isMixed) note(write, scrape, endMs, pushTime)
        // Everything is newer than a token that was dropped.
        const untilMs = write?.untilMs ?? Number.NEGATIVE_INFINITY
        const missed = unit === undefined || shown.isMixed ? [] : missedBy(unit, write, untilMs, seen)
        if (unit !== undefined) unit.shownIn = scrapes
        const isRemembered = unit !== undefined
        yield { unit: name, ...seen, shown, pushTime, write, isIssued, isRemembered, missed }
      }
      for (const unit of units.values()) {
        if (unit.shownIn === scrapes) continue
        const missed = missedBy(unit, undefined, nothingUntil(unit, endMs), seen)
        if (missed.length > 0) {
          const nothing = { shown: undefined, pushTime: undefined, write: undefined }
          yield { unit: unit.name, ...seen, ...nothing, isIssued: true, isRemembered: true, missed }
        }
        retire(unit, scrape)
      }
    },

    soFar: () => losses,

    settle() {
      for (const unit of units.values()) for (const write of unit.writes.values()) close(write)
      units.clear()
      return losses
    },
  }
}

function findOrAdd(wipes: Write[], push: Push): Write {
  const known = wipes.find(({ writer, seq }) => writer === push.writer && seq === push.seq)
  if (known !== undefined) return known
  const write = newWrite(push)
  wipes.push(write)
  return write
}
