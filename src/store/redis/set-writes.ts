import { PgrError } from '../../errors/pgr-error.ts'
import { partitionOf, type UnitId } from '../../model/unit.ts'
import { keptBytes } from '../../wire/kept-bytes.ts'
import {
  type Met,
  SET_PAGE_METRICS,
  type SetChange,
  type SetFamily,
  type SetPage,
  type SetSample,
  type SetWrite,
} from '../store.ts'
import { decodeHeader } from './codec.ts'
import { Outdated, pause, type Send, within } from './courier.ts'
import { misconfigured, unavailable } from './failures.ts'
import { type Applied, unitBytes, writtenOf } from './group-writes.ts'
import type { History } from './history.ts'
import { PARTITIONS } from './keys.ts'
import type { KnownPage, KnownSet, KnownSets } from './known-sets.ts'
import { bytesAt, listAt, maybeBytesAt, numberAt, type Reply, textAt } from './reply.ts'
import { scripts } from './scripts.ts'
import { decodeFamilies, decodePageTable, decodeSlots, SLOT_BYTES, setHeader } from './set-codec.ts'
import { type PagePlan, planArguments, planSet, type Replay, type SetPlan } from './set-plan.ts'

/** Times a write may learn that its dictionaries are old before it gives up; each time another writer got ahead. */
const ROUNDS = 20
/** Pages one call to tidy a set looks at: a few milliseconds of the server. */
const TIDY_PAGES = 64

export interface SetWriteParts {
  readonly send: Send
  readonly known: KnownSets
  /** May be written anew at any time, as may the next. */
  readonly limits: Buffer
  readonly mostMetrics: number
  /** What a write expects, its maker may have read in one that is no more. */
  readonly history: Pick<History, 'certainty' | 'wrote'>
}

/**
 * Writes to series sets. In the usual case every metric is known here and a write is one round trip; one more for what
 * other writers added meanwhile.
 */
export function makeSetWrites(parts: SetWriteParts) {
  const { send, known: sets, limits, history } = parts
  const turns = new Map<UnitId, Promise<unknown>>()

  /** One at a time for a unit, so that writers of this process do not outrun each other when they add metrics. */
  async function inTurn(id: UnitId, work: () => Promise<Applied>): Promise<Applied> {
    const mine = (turns.get(id) ?? Promise.resolve()).then(work, work)
    turns.set(id, mine)
    try {
      return await mine
    } finally {
      if (turns.get(id) === mine) turns.delete(id)
    }
  }

  function plan(what: SetWrite, replay?: Replay): SetPlan {
    return planSet(sets.of(what.id, undefined), what.families, replay !== undefined)
  }

  /** Nothing when what the plan was made from turned out to be of a history that is no more. */
  async function sendPlan(
    what: SetWrite,
    partition: number,
    planned: SetPlan,
    replay: Replay | undefined,
    isCertain: () => boolean,
  ): Promise<Reply | undefined> {
    const { known } = planned
    const holds = () => isCertain() && (known === undefined || sets.of(what.id, undefined) === known)
    const values = planArguments(planned, what, limits, parts.mostMetrics, replay)
    try {
      return await send(what, partition, scripts.writeSet, values, holds)
    } catch (reason) {
      if (reason instanceof Outdated) return undefined
      throw reason
    }
  }

  /** Nothing when what is replayed was undone since. */
  async function write(
    given: SetWrite,
    first: SetPlan,
    isCertain: () => boolean,
    replay?: Replay,
  ): Promise<Applied | undefined> {
    let what = given
    const partition = partitionOf(what.id, PARTITIONS)
    let tidied: 'no' | 'dead' | 'all' = 'no'
    for (let round = 0; round < ROUNDS; round++) {
      if (!isCertain()) return { ...NOT_SENT, partition }
      const planned = round === 0 ? first : plan(what, replay)
      const { known } = planned
      if (known !== undefined && planned.opensPage && tidied === 'no' && known.size >= known.tidyAt) {
        tidied = 'dead'
        await tidy(send, what, partition, 0.5)
      }
      const reply = await sendPlan(what, partition, planned, replay, isCertain)
      if (reply === undefined) continue
      const status = textAt(reply, 0)
      if (status === 'older') return undefined
      if (status === 'conflict') {
        if (replay === undefined) return { ...NOT_SENT, ...writtenOf(partition, reply) }
        what = remade(what, planned, listAt(reply, 3))
        if (what.families.length === 0) return undefined
      } else if (status === 'behind') {
        catchUp(sets, what.id, reply)
        if (round > 2) await pause(Math.random() * 10)
      } else if (status === 'metrics') {
        if (tidied === 'all') throw tooMany(parts.mostMetrics)
        tidied = 'all'
        await tidy(send, what, partition, 0)
      } else {
        const written =
          status === 'duplicate' ? writtenOf(partition, reply) : setWritten(sets, what, planned, reply)
        const after = sets.of(what.id, undefined)
        if (after !== undefined && tidied !== 'no') after.tidyAt = 2 * after.size
        sets.touch(what.id)
        return written
      }
    }
    throw unavailable('other gateways keep adding series to the same job and instance; try again')
  }

  /** To be called at once: whether what a write expects is still worth something is judged from then on. */
  function makeCertainty({ id, families }: SetWrite): () => boolean {
    if (!expectsSomething(families)) return () => true
    const partition = partitionOf(id, PARTITIONS)
    const certainty = history.certainty(partition)
    return () => certainty !== undefined && history.certainty(partition) === certainty
  }

  async function ordinary(what: SetWrite, planned: SetPlan, isCertain: () => boolean): Promise<Applied> {
    const written = await write(what, planned, isCertain)
    if (written?.change !== undefined && expectsSomething(what.families))
      history.wrote(written.partition, written.change.version)
    if (written !== undefined) return written
    throw misconfigured('redis answered an ordinary write as if it had been replayed')
  }

  return {
    writeSet(what: SetWrite): Promise<Applied> {
      const planned = plan(what)
      const isCertain = makeCertainty(what)
      return planned.needsAll
        ? within(
            what,
            inTurn(what.id, () => ordinary(what, plan(what), isCertain)),
          )
        : ordinary(what, planned, isCertain)
    },

    /** Writes again, as of its own time, what was lost; resolves with whether anything of it was stored. */
    async replaySet(lost: SetWrite, replay: Replay): Promise<boolean> {
      const what = fromNothing(lost)
      const written = await write(what, plan(what, replay), () => true, replay)
      return written !== undefined && (written.duplicate || written.change !== undefined)
    },
  }
}

/** A conflict that shows before anything is sent. */
const NOT_SENT = {
  duplicate: false,
  epoch: '',
  nowMs: 0,
  firstMs: 0,
  conflict: true,
  ignored: { older: 0, expired: 0 },
} as const

function expectsSomething(families: readonly SetFamily[]): boolean {
  return families.some(({ metrics }) => metrics.some(({ expectedMs }) => expectedMs !== undefined))
}

/** What samples were made from may be lost for good, or others may have gone on from what is left: nothing is expected. */
function fromNothing(what: SetWrite): SetWrite {
  return withSamples(what, (sample) =>
    sample.expectedMs === undefined ? sample : { ...sample, expectedMs: Number.NaN },
  )
}

/** With the samples that met something else than expected made anew from that, as a list tells it: page, slot, timestamp, blob. */
function remade(what: SetWrite, plan: SetPlan, met: Reply): SetWrite {
  const pages = new Map(plan.pages.map((page) => [page.number, page]))
  const found = new Map<SetSample, Met | undefined>()
  for (let i = 0; i + 3 < met.length; i += 4) {
    const slot = numberAt(met, i + 1)
    const planned = pages.get(numberAt(met, i))?.samples.find((one) => one.slot === slot)
    const timestampMs = numberAt(met, i + 2)
    if (planned === undefined) continue
    found.set(planned.sample, timestampMs === 0 ? undefined : { timestampMs, content: bytesAt(met, i + 3) })
  }
  return withSamples(what, (sample) => (found.has(sample) ? sample.remake?.from(found.get(sample)) : sample))
}

/** With other samples, or without them, and without families that have none any more. */
function withSamples(what: SetWrite, change: (sample: SetSample) => SetSample | undefined): SetWrite {
  const families = what.families
    .map((family) => ({ ...family, metrics: family.metrics.flatMap((sample) => change(sample) ?? []) }))
    .filter(({ metrics }) => metrics.length > 0)
  return { ...what, families }
}

function tooMany(most: number): PgrError {
  return new PgrError(
    'PGR_QUOTA_EXCEEDED',
    `the series of this job and instance would be more than ${most}; push fewer or raise the limit`,
    { retryAfterSeconds: 30 },
  )
}

/** Drops what is over from a set: `share` 0 = from every page, else from pages with at least that share of it. */
async function tidy(send: Send, { id, deadlineMs }: SetWrite, partition: number, share: number) {
  const housekeeping = { operation: '', deadlineMs }
  for (let page = 0; page !== -1; ) {
    const reply = await send(housekeeping, partition, scripts.tidySet, [
      unitBytes(id),
      page,
      TIDY_PAGES,
      share,
    ])
    page = textAt(reply, 0) === 'ok' ? numberAt(reply, 1) : -1
  }
}

/** Takes over what a script said of dictionaries that are newer than known here. */
function catchUp(sets: KnownSets, id: UnitId, reply: Reply): void {
  const epoch = textAt(reply, 1)
  const dictionaryVersion = numberAt(reply, 3)
  if (dictionaryVersion === 0) {
    sets.forget(id)
    return
  }
  const known = sets.open(id, epoch)
  const rows = decodePageTable(bytesAt(reply, 5))
  known.keepOnly(rows)
  const dictionaries = listAt(reply, 7)
  for (let i = 0; i + 1 < dictionaries.length; i += 2) {
    const number = numberAt(dictionaries, i)
    const page = known.pages[number]
    if (page !== undefined) known.learn(number, page, bytesAt(dictionaries, i + 1))
  }
  known.setFamilies(numberAt(reply, 4), bytesAt(reply, 6))
  known.dictionaryVersion = dictionaryVersion
  // Replies may overtake each other; what does not add up is learned anew.
  if (!known.agreesWith(rows)) sets.forget(id)
}

function setWritten(sets: KnownSets, what: SetWrite, plan: SetPlan, reply: Reply): Applied {
  const written = writtenOf(partitionOf(what.id, PARTITIONS), reply)
  const late = plan.skipped.filter(
    ({ timestampMs }) =>
      timestampMs !== undefined && what.ttlMs > 0 && timestampMs + what.ttlMs <= written.nowMs,
  )
  const ignored = { older: numberAt(reply, 3), expired: numberAt(reply, 4) + late.length }
  const packed = maybeBytesAt(reply, 5)
  if (packed === undefined) return { ignored, ...written }

  const header = decodeHeader(packed)
  const { born, dictionary, families } = setHeader(header)
  const whole = born === header.version
  const known = (whole ? undefined : plan.known) ?? sets.renew(what.id, written.epoch)
  const table = maybeBytesAt(reply, 6)
  if (table !== undefined && families >= known.familiesVersion) known.setFamilies(families, table)
  const pages = pagesWritten(known, plan, reply)
  if (plan.needsAll) known.dictionaryVersion = Math.max(known.dictionaryVersion, dictionary)
  const change: SetChange = {
    kind: 'set',
    id: what.id,
    version: header.version,
    labels: header.labels,
    createdMs: header.createdMs,
    protocol: header.protocol,
    pushedMs: header.pushedMs,
    whole,
    ...(whole ? {} : { follows: numberAt(reply, 7) }),
    families: table === undefined ? (plan.known?.families ?? known.families) : decodeFamilies(table),
    pages: whole ? pages.filter(({ metrics }) => metrics.length > 0) : pages,
  }
  return { ignored, change, ...written }
}

/** The pages that changed, from the ninth part of the reply on: number, incarnation, slots, foreign blobs, dictionary. */
function pagesWritten(known: KnownSet, plan: SetPlan, reply: Reply): SetPage[] {
  const plans = new Map(plan.pages.map((page) => [page.number, page]))
  const pages: SetPage[] = []
  for (let i = 8; i + 4 < reply.length; i += 5) {
    const number = numberAt(reply, i)
    const slots = bytesAt(reply, i + 2)
    const planned = plans.get(number)
    if (planned === undefined) continue
    const page = pageAfter(known, planned, numberAt(reply, i + 1), slots.length / SLOT_BYTES)
    const dictionary = maybeBytesAt(reply, i + 4)
    if (dictionary !== undefined) known.learn(number, page, dictionary)
    const blobs = foreignBlobs(listAt(reply, i + 3))
    for (const { slot, sample } of planned.samples) {
      if (sample.content instanceof Uint8Array && !blobs.has(slot)) blobs.set(slot, sample.content)
    }
    pages.push({ number, metrics: decodeSlots(slots, page.entries, (slot) => blobs.get(slot)) })
  }
  return pages
}

function pageAfter(known: KnownSet, planned: PagePlan, incarnation: number, slots: number): KnownPage {
  const page = planned.known ?? known.page(planned.number, incarnation)
  if (slots > planned.slots) known.append(planned.number, page, planned.slots, planned.added)
  return page
}

function foreignBlobs(list: Reply): Map<number, Uint8Array> {
  const blobs = new Map<number, Uint8Array>()
  for (let i = 0; i + 1 < list.length; i += 2) blobs.set(numberAt(list, i), keptBytes(bytesAt(list, i + 1)))
  return blobs
}

/** More entries than this are not kept; a set that is forgotten costs its next writer one round trip. */
export const MOST_KNOWN_ENTRIES = 4000 * SET_PAGE_METRICS
