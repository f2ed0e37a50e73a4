import { PgrError } from '../../errors/pgr-error.ts'
import type { Operation } from '../store.ts'
import { type Argument, runScript } from './connect.ts'
import { classify, misconfigured, unavailable } from './failures.ts'
import type { Keyspace } from './keys.ts'
import type { Link } from './link.ts'
import { asList, numberAt, type Reply, textAt } from './reply.ts'
import type { Script } from './scripts.ts'

const TRIES = 3
const PAUSE_MS = 40

/** Brings a write to its partition: once if it can, at most three times, never after its deadline. */
export type Send = (
  write: Operation,
  partition: number,
  script: Script,
  values: readonly Argument[],
) => Promise<Reply>

/**
 * Replies are those of the script but for the refusals common to all, which are thrown: `late`, `schema`, `quota`.
 *
 * A try whose outcome is unknown (a timeout, a lost connection) is repeated with the same operation id, which makes the
 * repetition harmless.
 */
export function makeSend(link: Link, keys: Keyspace): Send {
  async function once(
    write: Operation,
    partition: number,
    script: Script,
    values: readonly Argument[],
  ): Promise<Reply> {
    link.assertUsable()
    const deadline = link.clock.at(write.deadlineMs)
    const at = keys.partitions[partition]
    if (deadline === undefined || at === undefined) throw unavailable('redis did not tell its time yet')
    const sentMs = performance.now()
    const head = [Buffer.from(write.operation, 'latin1'), deadline, link.seed()]
    const reply = asList(await runScript(link.write, script, at, [...head, ...values]))
    const status = textAt(reply, 0)
    if (status === 'late') link.clock.observe(numberAt(reply, 1), sentMs, performance.now())
    else refuse(status, reply)
    return reply
  }

  return async function send(write, partition, script, values) {
    for (let left = TRIES - 1; ; left--) {
      if (link.whyNot() !== undefined) await link.comeback(write.deadlineMs)
      assertInTime(write)
      let trouble: PgrError
      try {
        const reply = await within(write, once(write, partition, script, values))
        if (textAt(reply, 0) !== 'late') return reply
        trouble = tooLate()
      } catch (reason) {
        const { error, again } = classify(reason)
        if (!again) throw error
        trouble = error
      }
      if (left === 0 || trouble.code !== 'PGR_STORE_UNAVAILABLE') throw trouble
      await pause(PAUSE_MS * (TRIES - left) * (0.5 + Math.random()))
    }
  }
}

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

function assertInTime({ deadlineMs }: { deadlineMs: number }): void {
  if (performance.now() >= deadlineMs) throw tooLate()
}

/** Gives up on an answer at the deadline, and says so then. */
export function within<T>({ deadlineMs }: { deadlineMs: number }, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(unavailable('redis did not answer before the deadline')),
      Math.max(0, deadlineMs - performance.now()),
    )
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
