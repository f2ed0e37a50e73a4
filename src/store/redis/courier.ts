import { PgrError } from '../../errors/pgr-error.ts'
import type { Operation } from '../store.ts'
import { NO_DEADLINE } from './clock.ts'
import { classify, misconfigured, unanswered, unavailable } from './failures.ts'
import type { Keyspace, PartitionKeys } from './keys.ts'
import type { Primary } from './primary.ts'
import type { Confirm } from './replicas.ts'
import { asList, isOk, numberAt, type Reply, textAt } from './reply.ts'
import { type Argument, runScript } from './run-script.ts'
import { type Script, scripts } from './scripts.ts'
import { readRedirection } from './slots.ts'
import { Together, writeAlone } from './together.ts'
import type { Topology } from './topology.ts'

const TRIES = 3
const PAUSE_MS = 40
/** Nothing ran when a node sent us elsewhere, or waits for others: such a try costs none of the three. */
const MOST_REDIRECTIONS = 6
const MOST_WAITS_FOR_SLOT = 60
export const SLOT_PAUSE_MS = 50
/** An election takes less. To wait for a cluster that stays down would only pile up requests. */
const ELECTION_MS = 2000

/**
 * Brings a write to its partition: once if it can, at most three times, never after its deadline. `holds` is asked before
 * every try whether the values still mean what they meant; where not, it rejects with `Outdated`.
 */
export type Send = (
  write: Operation,
  partition: number,
  script: Script,
  values: readonly Argument[],
  holds?: () => boolean,
) => Promise<Reply>

/** What a write was made from is not so any more, and nothing was sent since. It has to be made again. */
export class Outdated extends Error {}

/** Where something is: on the node that takes its slot over, every command has to say so. */
export interface Route {
  readonly primary: Primary
  readonly asking: boolean
}

/** Runs what nobody waits for where a place is, and follows it when it moves. What fails otherwise fails at once. */
export async function runAt<T>(
  topology: Topology,
  place: number,
  { deadlineMs }: { readonly deadlineMs: number },
  run: (route: Route) => Promise<T>,
): Promise<T> {
  let route: Route = { primary: topology.usable(place), asking: false }
  for (let left = MOST_REDIRECTIONS; ; left--) {
    try {
      return await run(route)
    } catch (reason) {
      const redirection = readRedirection(reason, topology.addressOf(route.primary), topology.natMap)
      if (redirection === undefined || left === 0) throw reason
      const primary = await topology.follow(place, redirection, deadlineMs)
      route = { primary, asking: redirection.kind === 'ASK' }
    }
  }
}

/**
 * Replies are those of the script but for the refusals common to all, which are thrown: `late`, `schema`, `quota`.
 *
 * A try whose outcome is unknown (a timeout, a lost connection, an answer of a primary that was replaced meanwhile) is
 * repeated with the same operation id, which makes the repetition harmless.
 *
 * `floors` holds for a partition a time that its next write has to be later than.
 */
export function makeSend(
  topology: Topology,
  keys: Keyspace,
  confirm: Confirm,
  floors: Map<number, number> = new Map(),
): Send {
  const downSinceMs = new WeakMap<Primary, number>()
  const together = new WeakMap<Primary, Together[]>()

  function isElecting(primary: Primary): boolean {
    const nowMs = performance.now()
    const sinceMs = downSinceMs.get(primary) ?? nowMs
    downSinceMs.set(primary, sinceMs)
    return nowMs < sinceMs + ELECTION_MS
  }

  /** Lost writes that are still to be written again are earlier, also where the server's clock is behind. */
  async function passFloor(partition: number, at: readonly string[], { primary, asking }: Route) {
    const floor = floors.get(partition)
    if (floor === undefined) return
    await runScript(primary.write, scripts.init, at, ['', NO_DEADLINE, topology.seed(), floor], asking)
    if (floors.get(partition) === floor) floors.delete(partition)
  }

  /** Pushes leave together; in a Cluster those to one partition, because others may be in other slots. */
  function writeGroup(
    write: Operation,
    partition: number,
    at: PartitionKeys,
    values: readonly Argument[],
    { primary, asking }: Route,
  ): Promise<Reply> {
    if (asking) return within(write, writeAlone(primary.write, at, values, asking))
    const place = topology.kind === 'cluster' ? partition : 0
    let gathering = together.get(primary)
    if (gathering === undefined) {
      gathering = []
      together.set(primary, gathering)
    }
    gathering[place] ??= new Together(primary.write)
    return gathering[place].write(at, values, write.deadlineMs)
  }

  // Called for every push, and no async functions for that reason: each would allocate more than all else that it does.

  function once(
    write: Operation,
    partition: number,
    script: Script,
    values: readonly Argument[],
    route: Route,
  ): Promise<Reply> {
    const { primary, asking } = route
    const deadline = primary.clock.at(write.deadlineMs)
    const at = keys.partitions[partition]
    if (deadline === undefined || at === undefined) throw unavailable('redis did not tell its time yet')
    const all = [Buffer.from(write.operation, 'latin1'), deadline, topology.seed(), ...values]

    function run(): Promise<Reply> {
      const sentMs = performance.now()
      const answered =
        script === scripts.writeGroups
          ? writeGroup(write, partition, at as PartitionKeys, all, route)
          : within(write, runScript(primary.write, script, at as PartitionKeys, all, asking).then(asList))
      return answered.then((reply) => judged(write, primary, reply, sentMs))
    }

    return floors.size > 0 ? within(write, passFloor(partition, at, route)).then(run) : run()
  }

  function judged(write: Operation, primary: Primary, reply: Reply, sentMs: number): Reply | Promise<Reply> {
    downSinceMs.delete(primary)
    if (!isOk(reply)) {
      const status = textAt(reply, 0)
      if (status === 'late') {
        primary.clock.observe(numberAt(reply, 1), sentMs, performance.now())
        return reply
      }
      refuse(status, reply)
    }
    const confirmed = confirm(primary)
    return confirmed === undefined ? reply : within(write, confirmed).then(() => reply)
  }

  return async function send(write, partition, script, values, holds = ALWAYS) {
    let redirections = 0
    let waits = 0
    let elsewhere: Route | undefined
    for (let left = TRIES - 1; ; left--) {
      if (elsewhere === undefined && topology.whyAway(partition) !== undefined)
        await topology.comeback(partition, write.deadlineMs)
      assertInTime(write)
      let trouble: PgrError
      let primary: Primary | undefined
      try {
        const route: Route = elsewhere ?? { primary: topology.usable(partition), asking: false }
        elsewhere = undefined
        primary = route.primary
        if (!holds()) throw new Outdated()
        const reply = await once(write, partition, script, values, route)
        if (!isOk(reply) && textAt(reply, 0) === 'late') trouble = tooLate()
        else if (route.asking || topology.at(partition) === primary) return reply
        else trouble = overtaken(primary)
      } catch (reason) {
        if (reason instanceof Outdated) throw reason
        const redirection =
          primary === undefined
            ? undefined
            : readRedirection(reason, topology.addressOf(primary), topology.natMap)
        if (redirection !== undefined && redirections++ < MOST_REDIRECTIONS) {
          left++
          const next = await topology.follow(partition, redirection, write.deadlineMs).catch(() => undefined)
          if (next !== undefined) elsewhere = { primary: next, asking: redirection.kind === 'ASK' }
          continue
        }
        const { error, again, slotIsMoving, clusterIsDown } = classify(reason)
        const isElection = clusterIsDown && primary !== undefined && isElecting(primary)
        if (slotIsMoving || isElection) {
          topology.refreshSoon()
          if (waits++ < MOST_WAITS_FOR_SLOT) {
            left++
            await pause(SLOT_PAUSE_MS)
            continue
          }
        }
        if (again) topology.refreshSoon()
        if (!again || clusterIsDown) throw error
        trouble = error
      }
      if (left === 0) throw trouble
      await pause(PAUSE_MS * (TRIES - left) * (0.5 + Math.random()))
    }
  }
}

const ALWAYS = () => true

function refuse(status: string, reply: Reply): void {
  if (status === 'schema')
    throw misconfigured(
      `the data in redis has schema ${textAt(reply, 1)}, which this version of pgr must not write; run the version that wrote it or use another key prefix`,
    )
  if (status === 'quota')
    throw new PgrError(
      'PGR_QUOTA_EXCEEDED',
      `the store is full: no more ${textAt(reply, 1)} fit; remove what is not needed or raise the limit`,
      { retryAfterSeconds: 30 },
    )
}

function tooLate(): PgrError {
  return unavailable('redis did not take the write before its deadline')
}

/** Its successor was asked what it has before this write counted as acknowledged, and may be without it. */
function overtaken({ endpoint }: Primary): PgrError {
  return unavailable(`redis at ${endpoint} took the write and was replaced meanwhile`)
}

function assertInTime({ deadlineMs }: { deadlineMs: number }): void {
  if (performance.now() >= deadlineMs) throw tooLate()
}

/** Gives up on an answer at the deadline, and says so then. */
export function within<T>({ deadlineMs }: { deadlineMs: number }, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(unanswered()), Math.max(0, deadlineMs - performance.now()))
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (reason: unknown) => {
        clearTimeout(timer)
        reject(reason)
      },
    )
  })
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
