/** What the read API answers; docs/http-api.md says what each of it means. Instants are ISO 8601, null for none. */

export type Labels = Readonly<Record<string, string>>

export interface Status {
  readonly build_information: { readonly version: string; readonly nodeVersion: string }
  readonly start_time: string
  readonly store: StoreStatus
  readonly replica?: { readonly id?: string; readonly uptime_seconds: number }
  readonly features?: {
    readonly admin_api: boolean
    readonly lifecycle: boolean
    readonly consistency_check: boolean
  }
  readonly settings?: readonly Setting[]
  readonly counters?: Counters
  readonly recent_rejections?: readonly Rejection[]
  readonly page?: {
    readonly series: number
    readonly groups: number
    readonly sets: number
    readonly expiring_within_60s: number
  } | null
}

export interface StoreStatus {
  readonly name: string
  readonly ready: boolean
  readonly reason?: string
  readonly facts?: Readonly<Record<string, string | number | boolean>>
  readonly findings?: readonly Finding[]
  readonly losses?: {
    readonly history: number
    readonly lost_writes: number
    readonly resubmitted_writes: number
    readonly last_at?: string | null
    readonly cause?: string
  }
  readonly primaries?: readonly Primary[]
  readonly replicas?: readonly Replica[]
}

export interface Finding {
  readonly finding: string
  readonly ok: boolean
  readonly where?: string
  readonly message?: string
}

export interface Primary {
  readonly endpoint: string
  readonly state: string
  readonly partitions: number
  readonly reason?: string
}

export interface Replica {
  readonly id: string
  readonly version: string
  readonly address: string
  readonly last_seen: string | null
}

export interface Setting {
  readonly flag: string
  /** Secrets are masked. */
  readonly value: string
  readonly from: string
  readonly origin?: string | null
}

/** Totals since the start of the replica. */
export interface Counters {
  readonly pushes: readonly { readonly protocol: string; readonly outcome: string; readonly total: number }[]
  readonly samples: readonly { readonly protocol: string; readonly total: number }[]
  readonly rejections: readonly {
    readonly protocol?: string
    readonly reason: string
    readonly total: number
  }[]
}

export interface Rejection {
  readonly at: string
  readonly protocol: string
  readonly code: string
  readonly reason: string
  readonly labels: Labels | null
}

export interface GroupList {
  readonly now: string
  readonly total: { readonly groups: number; readonly sets: number; readonly series: number }
  readonly matching: number
  readonly offset: number
  readonly limit: number
  readonly groups: readonly Group[]
}

export interface Group {
  readonly id: string
  readonly kind: 'group' | 'set'
  readonly labels: Labels
  /** Where it is pushed to and deleted, below the route prefix; null for a series set. */
  readonly path: string | null
  readonly series: number
  readonly families: number
  readonly protocol: string | null
  readonly last_push: string | null
  readonly last_failure: string | null
  readonly failure_reason: string | null
  readonly last_push_successful: boolean
  /** When the last of it goes; null = never. */
  readonly expires: string | null
}

export interface GroupDetail extends Group {
  readonly now?: string
  readonly matching_families: number
  readonly offset: number
  readonly limit: number
  readonly families_list: readonly Family[]
}

export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string | null
  readonly unit: string | null
  readonly last_push: string | null
  readonly expires: string | null
  readonly series: number
  /** There are more metrics than were asked for. */
  readonly truncated: boolean
  readonly metrics: readonly Metric[]
}

/** One of a value, quantiles, classic buckets and a native histogram, or both of the latter. Values are text. */
export interface Metric {
  readonly labels: Labels
  readonly value?: string
  readonly quantiles?: Readonly<Record<string, string>>
  /** Cumulative, by upper bound. */
  readonly buckets?: Readonly<Record<string, string>>
  readonly native?: Native
  readonly count?: string
  readonly sum?: string
}

export interface Native {
  readonly schema: number
  readonly zero_threshold: string
  readonly zero_count: string
  readonly count: string
  readonly sum: string
  /** Lower bound, upper bound, count; ascending, not cumulative. */
  readonly buckets: readonly (readonly [lower: string, upper: string, count: string])[]
}

export interface Cardinality {
  readonly now: string
  readonly series: number
  readonly groups: number
  readonly sets: number
  readonly families: number
  /** False when there were more values than are kept while counting: then some are in none of the counts. */
  readonly complete: boolean
  readonly metrics: readonly {
    readonly name: string
    readonly type: string
    readonly series: number
    readonly groups: number
  }[]
  readonly labels: readonly { readonly name: string; readonly values: number; readonly series: number }[]
  readonly jobs: readonly {
    readonly job: string
    readonly series: number
    readonly groups: number
    readonly sets: number
  }[]
  readonly pairs: readonly { readonly name: string; readonly value: string; readonly series: number }[]
  /** Of the focus label, when there is one. */
  readonly values?: readonly { readonly value: string; readonly series: number }[]
}
