import { type EmbeddedStoreOptions, openPersistentStore } from '../../src/store/embedded/index.ts'
import type { Store } from '../../src/store/store.ts'
import type { Event } from '../../src/telemetry/events.ts'
import { WIDE_LIMITS } from './store-harness.ts'

export interface PersistentOptions extends Partial<EmbeddedStoreOptions> {
  readonly file: string
  /** None but the last snapshot unless given. */
  readonly intervalMs?: number
  readonly tell?: (event: Event) => void
}

/** An embedded store that is kept in a file. */
export function openPersistent({
  file,
  intervalMs = 2 ** 30,
  tell = () => {},
  ...options
}: PersistentOptions): Promise<Store> {
  return openPersistentStore({ limits: WIDE_LIMITS, ...options, persistence: { file, intervalMs, tell } })
}
