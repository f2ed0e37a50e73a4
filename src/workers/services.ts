import type { Origins, Settings } from '../config/rules.ts'
import type { Activity, Rejection } from '../telemetry/activity.ts'
import type { Snapshot } from '../telemetry/snapshot.ts'

/** Settings as they are in effect, and where they came from. */
export interface InEffect {
  readonly settings: Settings
  readonly origins: Origins | undefined
}

/** With what a worker begins. */
export interface Boot extends InEffect {
  /** From 1; one that takes the place of another has its number. */
  readonly number: number
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
  /** Its last writes that were not taken. */
  rejections(): readonly Rejection[]
  /** Takes these settings over. */
  reload(given: InEffect): void
  drain(): void
  /** Answers when the last request was answered and the store let go. */
  stop(): Promise<void>
}

/** What the supervisor does for a worker: all of it is about all workers. */
export type SupervisorService = {
  metrics(): Promise<{ contentType: string; body: string }>
  activity(): Promise<Activity>
  ready(): Promise<void>
  reload(): Promise<string>
  quit(): void
}
