import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Tell } from '../../telemetry/events.ts'
import type { StoreFinding } from '../store.ts'
import type { StoreState } from './snapshot.ts'
import { writeSnapshot } from './snapshot-file.ts'

export interface PersistenceOptions {
  readonly file: string
  /** Milliseconds from the end of one snapshot to the next. */
  readonly intervalMs: number
  readonly tell: Tell
}

/** What is to be kept. */
export interface Persisted {
  /** Goes up with every change. */
  readonly changes: number
  /** All of it as of now; to be closed when it was read. */
  snapshot(): { readonly state: StoreState; close(): void }
}

export interface Persistence {
  start(): Promise<void>
  /** Ends the rhythm with a last snapshot, if something changed; never rejects. */
  stop(): Promise<void>
  /** How the last snapshot went. */
  readonly finding: StoreFinding
  readonly facts: Readonly<Record<string, string | number>>
}

/**
 * Takes snapshots now and then, and at the end; none when nothing changed. One that cannot be written leaves the one
 * before as it was, is told, and is tried again when the next is due.
 */
export function makePersistence(
  { file, intervalMs, tell }: PersistenceOptions,
  persisted: Persisted,
): Persistence {
  let savedChanges = persisted.changes
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let finding = found(true, 'snapshots of the store are written')
  let last: { readonly bytes: number; readonly atMs: number } | undefined

  function found(ok: boolean, message: string): StoreFinding {
    return { finding: 'snapshot', ok, message, where: file }
  }

  function note(next: StoreFinding): void {
    finding = next
    tell({ kind: 'store.finding', finding: next.finding, ok: next.ok, message: next.message })
  }

  function noteFailure(reason: unknown): void {
    const why = reason instanceof Error ? reason.message : String(reason)
    note(
      found(
        false,
        `the snapshot ${file} cannot be written, and what is pushed meanwhile goes with this process: ${why}`,
      ),
    )
  }

  async function save(): Promise<void> {
    const { changes } = persisted
    if (changes === savedChanges) return
    const startedMs = performance.now()
    const seconds = () => (performance.now() - startedMs) / 1000
    const snapshot = persisted.snapshot()
    try {
      const bytes = await writeSnapshot(file, snapshot.state)
      savedChanges = changes
      last = { bytes, atMs: Date.now() }
      tell({ kind: 'store.snapshot', ok: true, bytes, seconds: seconds() })
      note(found(true, 'snapshots of the store are written'))
    } catch (reason) {
      tell({ kind: 'store.snapshot', ok: false, bytes: 0, seconds: seconds() })
      noteFailure(reason)
    } finally {
      snapshot.close()
    }
  }

  function schedule(): void {
    if (stopped) return
    timer = setTimeout(() => {
      running = save().then(schedule)
    }, intervalMs)
    timer.unref()
  }

  return {
    async start() {
      await access(dirname(file), constants.W_OK).catch(noteFailure)
      schedule()
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      running = running.then(save)
      await running
    },
    get finding() {
      return finding
    },
    get facts() {
      return last === undefined
        ? {}
        : { snapshot_bytes: last.bytes, snapshot_at: new Date(last.atMs).toISOString() }
    },
  }
}
