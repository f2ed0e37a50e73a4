import type { Answer, Kind, Reading, ScrapeAnswer } from './history.ts'
import type { Token } from './tokens.ts'

/** One attempt to write. */
export interface PushRequest extends Token {
  /** `<job>/<name>`: a group, or with kind `ingest` a set; empty for a wipe. */
  readonly unit: string
  readonly kind: Kind
  /** 0 is for ever. */
  readonly ttlMs: number
  readonly families: number
}

/** A gateway, as the workload drives it. Calls always resolve, and in bounded time. */
export interface Target {
  push(request: PushRequest): Promise<Answer>
  scrape(options: { readonly gzip: boolean }): Promise<ScrapeAnswer>
  /** Undefined when it does not answer. */
  readSelf(): Promise<Reading | undefined>
  close(): void
}
