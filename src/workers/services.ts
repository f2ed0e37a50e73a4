import type { Settings } from '../config/rules.ts'
import type { Snapshot } from '../telemetry/snapshot.ts'

/** With what a worker begins. */
export interface Boot {
  /** From 1; one that takes the place of another has its number. */
  readonly number: number
  /** As they are in effect. */
  readonly settings: Settings
  /** When the supervisor started. */
  readonly startedAt: Date
  /** Others serve meanwhile: do not listen before what is stored was read. */
  readonly holdsBack: boolean
}

/** What a worker does for the supervisor. */
export type WorkerService = {
  /** Answers with the base addresses once it listens. */
  start(boot: Boot): Promise<readonly string[]>
  /** Answers as soon as it can answer anything. */
  ping(): void
  snapshot(): Promise<Snapshot>
  /** Of this worker alone. */
  ready(): Promise<void>
  /** Takes these settings over. */
  reload(settings: Settings): void
  drain(): void
  /** Answers when the last request was answered and the store let go. */
  stop(): Promise<void>
}

/** What the supervisor does for a worker: all of it is about all workers. */
export type SupervisorService = {
  metrics(): Promise<{ contentType: string; body: string }>
  ready(): Promise<void>
  reload(): Promise<string>
  quit(): void
}
