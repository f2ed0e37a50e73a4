import { PgrError } from '../errors/pgr-error.ts'

/**
 * What the read API answers, as far as the command line shows it. Instants are ISO 8601 text, values of samples are text
 * as in the exposition format.
 */
export interface GroupRow {
  readonly id: string
  readonly kind: 'group' | 'set'
  readonly labels: Readonly<Record<string, string>>
  readonly path: string | null
  readonly series: number
  readonly families: number
  readonly protocol: string | null
  readonly last_push: string | null
  readonly last_failure: string | null
  readonly failure_reason: string | null
  readonly last_push_successful: boolean
  readonly expires: string | null
}

export interface GroupsPage {
  readonly now: string
  readonly total: { readonly groups: number; readonly sets: number; readonly series: number }
  readonly matching: number
  readonly groups: readonly GroupRow[]
}

export interface GroupDetails extends GroupRow {
  readonly now: string
  readonly matching_families: number
  readonly families_list: readonly FamilyRow[]
}

export interface FamilyRow {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string
  readonly last_push: string | null
  readonly expires: string | null
  readonly series: number
  readonly truncated: boolean
  readonly metrics: readonly MetricRow[]
}

export interface MetricRow {
  readonly labels: Readonly<Record<string, string>>
  readonly value?: string
  readonly quantiles?: Readonly<Record<string, string>>
  readonly buckets?: Readonly<Record<string, string>>
  readonly count?: string
  readonly sum?: string
  readonly native?: {
    readonly count?: string
    readonly sum?: string
    readonly zero_threshold?: string
    readonly zero_count?: string
    readonly buckets: readonly (readonly [lower: string, upper: string, count: string])[]
  }
}

export interface Cardinality {
  readonly now: string
  readonly series: number
  readonly groups: number
  readonly sets: number
  readonly families: number
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
  readonly values?: readonly { readonly value: string; readonly series: number }[]
}

export interface Status {
  readonly build_information: { readonly version: string }
  readonly start_time: string
  readonly replica?: { readonly id?: string; readonly uptime_seconds?: number }
  readonly features?: Readonly<Record<string, boolean>>
  readonly store: {
    readonly name: string
    readonly ready: boolean
    readonly reason?: string
    readonly facts?: Readonly<Record<string, string | number | boolean>>
    readonly findings?: readonly StatusFinding[]
    readonly losses?: Readonly<Record<string, string | number>>
    readonly primaries?: readonly {
      readonly endpoint: string
      readonly state: string
      readonly partitions: number
      readonly reason?: string
    }[]
    readonly replicas?: readonly {
      readonly id: string
      readonly version: string
      readonly address: string
      readonly last_seen: string | null
    }[]
  }
  readonly counters?: {
    readonly pushes: readonly {
      readonly protocol: string
      readonly outcome: string
      readonly total: number
    }[]
    readonly samples: readonly { readonly protocol: string; readonly total: number }[]
    readonly rejections: readonly {
      readonly protocol?: string
      readonly reason: string
      readonly total: number
    }[]
  }
  readonly recent_rejections?: readonly {
    readonly at: string
    readonly protocol: string
    readonly code: string
    readonly reason: string
    readonly labels: Readonly<Record<string, string>> | null
  }[]
  readonly page?: {
    readonly series: number
    readonly groups: number
    readonly sets: number
    readonly expiring_within_60s: number
  }
}

export interface StatusFinding {
  readonly finding: string
  readonly ok: boolean
  readonly where: string
  readonly message?: string
}

/**
 * Takes an answer for what it should be, when it has the fields that tell one question's answer from another's. Throws
 * PGR_PUSH_REFUSED for anything else, such as the answer of an older gateway.
 */
export function expectAnswer<Answer extends object>(
  data: unknown,
  fields: readonly (keyof Answer)[],
): Answer {
  const isAnswer =
    typeof data === 'object' && data !== null && fields.every((field) => Object.hasOwn(data, field))
  if (isAnswer) return data as Answer
  throw new PgrError(
    'PGR_PUSH_REFUSED',
    `the gateway's answer lacks ${fields.join(', ')}: it is of another version; use the pgr that came with it`,
  )
}
