import type { ErrorCode } from '../errors/catalogue.ts'

/** Ways in, as telemetry tells them apart; a closed list, so that labels stay bounded. */
export type Protocol =
  | 'text'
  | 'openmetrics'
  | 'protobuf'
  | 'remote-write-1'
  | 'remote-write-2'
  | 'otlp'
  | 'none'

/**
 * How history can be lost: a promoted replica had not heard of it, a restarted server had not written it down, or a
 * server came back with nothing.
 */
export type HistoryCause = 'failover' | 'restart' | 'emptied'

/** Why: the client's certificate, missing or wrong credentials, more requests than allowed, more passwords than can be checked. */
export type TurnedAway = 'certificate' | 'credentials' | 'rate' | 'busy'
/** What else is counted, by the names that Pushgateway has for it. */
export type OtherHandler = 'healthy' | 'ready' | 'status' | 'api/v1/status'

/**
 * What pgr tells its operator. One listener turns an event into a log line and moves counters; rooms are handed a
 * `tell` and know neither the log nor the metrics. No job name, path or message is ever a metric label.
 */
export type Event =
  /** A push, ingest, remote write, export or delete ended, with whatever status. */
  | {
      kind: 'push'
      handler: 'push' | 'ingest' | 'remote-write' | 'otlp' | 'delete'
      protocol: Protocol
      method: string
      status: number
      /** Body size as sent. */
      bytes: number
      /** Size of the whole request, its head included. */
      requestBytes?: number
      /** Series stored; 0 when refused as a whole. */
      series: number
      seconds: number
      /** Set when refused. */
      code?: ErrorCode
      /** What was wrong, for the debug log. */
      reason?: string
      group?: string
      /** Those of the group, when it was refused. */
      labels?: readonly { readonly name: string; readonly value: string }[]
    }
  /** A request that is neither a push nor a scrape was answered; `handler` as Pushgateway calls it. */
  | { kind: 'request'; handler: OtherHandler; method: string; status: number }
  | {
      kind: 'scrape'
      format: string
      status: number
      bytes: number
      series: number
      seconds: number
      code?: ErrorCode
      /** The store was away, and the answer was the last page. */
      stale?: boolean
    }
  /** A connection or request was refused before it was looked at. */
  | { kind: 'turned-away'; reason: TurnedAway; detail?: string }
  /** A command sequence on the store ended. */
  | { kind: 'store.call'; operation: string; seconds: number; code?: ErrorCode }
  /** The same write reached the store twice and was applied once. */
  | { kind: 'store.duplicate' }
  | { kind: 'store.lost'; store: string; reason: string }
  | { kind: 'store.back'; store: string; downSeconds: number }
  | { kind: 'store.finding'; finding: string; message: string; ok: boolean }
  /** The embedded store was written to its file, or could not be. */
  | { kind: 'store.snapshot'; ok: boolean; bytes: number; seconds: number }
  /** Writes the store had acknowledged are gone from it, as a failover or a restart can bring about; once an incident. */
  | { kind: 'store.history'; cause: HistoryCause; endpoint: string; partitions: number }
  /**
   * Acknowledged writes of the last seconds were compared with what the store has: how many of those checked were
   * missing, were sent again, and stay lost. Those still owed are missing too, and not taken at the moment, for a reason.
   */
  | {
      kind: 'store.mend'
      endpoint: string
      checked: number
      missing: number
      resubmitted: number
      lost: number
      owed: number
      reason?: string
      seconds: number
    }
  /** Acknowledged writes of late had to be forgotten for want of room, and cannot be sent again if they are lost. */
  | { kind: 'store.forgotten'; writes: number; total: number }
  /** Primaries came or went, or partitions moved between them. */
  | { kind: 'store.topology'; message: string }
  /** The view caught up with the store. */
  | { kind: 'view.poll'; seconds: number; units: number }
  | { kind: 'view.reset'; partition: number; reason: string }
  /** Series hidden because their time was over, by the protocol they came in. */
  | { kind: 'view.expired'; protocol: string; series: number }
  | {
      kind: 'view.quarantine'
      family: string
      reason: 'type' | 'duplicate' | 'name' | 'unreadable'
      series: number
    }
  /**
   * A series came with an older start time than before: two processes write it in turns. `isTold` when that was said of it
   * a short while ago.
   */
  | { kind: 'otlp.contested'; family: string; series: string; isTold: boolean }
  /** Files for the way in were read anew, or could not be used and those before stay in effect. */
  | { kind: 'web.reread'; ok: boolean; reason?: string }
  /** The same of files for connections to the store. */
  | { kind: 'store.reread'; ok: boolean; reason?: string }
  /** Settings were read anew: what changed and is in effect, what waits for a restart, or why all stays as it was. */
  | {
      kind: 'reload'
      changed: readonly string[]
      waiting: readonly string[]
      reason?: string
    }
  /** A worker process answers requests from now on. */
  | { kind: 'worker.started'; worker: number; pid: number; seconds: number }
  /** A worker process ended unasked, by a signal or with an exit code, or could not start; the next comes after a pause. */
  | {
      kind: 'worker.ended'
      worker: number
      pid: number
      reason: string
      seconds: number
      pauseSeconds: number
    }
  | { kind: 'listening'; url: string; pushUrl: string; scrapeUrl: string; store: string }
  | {
      kind: 'notice'
      level: 'info' | 'warn'
      message: string
      facts?: Readonly<Record<string, string | number | boolean>>
    }
  | { kind: 'defect'; where: string; error: unknown }

export type Tell = (event: Event) => void

/** Current levels, read when telemetry is scraped. */
export interface Levels {
  readonly units: number
  readonly series: number
  readonly families: number
  readonly quarantinedFamilies: number
  readonly quarantinedSeries: number
  readonly viewAgeSeconds: number
  readonly viewBytes: number
  readonly inflightBytes: number
  readonly ready: boolean
}
