/** What the read API answers, in JSON Schema; the description of the API has it, and tests hold answers against it. */

const COUNT = { type: 'integer', minimum: 0 } as const
const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const
const INSTANT = { type: 'string', format: 'date-time' } as const
const INSTANT_OR_NEVER = {
  type: ['string', 'null'],
  format: 'date-time',
  description: 'Null for never.',
} as const
const TEXT_OR_NONE = { type: ['string', 'null'] } as const
const TEXTS = { type: 'object', additionalProperties: TEXT } as const
const NUMBER = {
  type: 'string',
  description: 'A number as text: JSON has neither NaN nor infinity.',
} as const
const NUMBERS = { type: 'object', additionalProperties: NUMBER } as const

/** All properties are there but those named, and there are no others. */
function record(properties: Readonly<Record<string, object>>, optional: readonly string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

function list(items: object) {
  return { type: 'array', items }
}

/** As every answer of the API that is none of failure. */
export function success(data: object) {
  return record({ status: { const: 'success' }, data })
}

export const FAILURE = record({
  status: { const: 'error' },
  errorType: { type: 'string', enum: ['bad_data', 'not_found', 'unavailable', 'internal'] },
  error: { type: 'string', description: 'What is wrong and what to do about it, on one line.' },
})

const ROW = {
  id: { type: 'string', description: 'For /api/v1/groups/{id}; the same for as long as the labels are.' },
  kind: { type: 'string', enum: ['group', 'set'] },
  labels: TEXTS,
  path: { type: ['string', 'null'], description: 'Where a group is pushed and deleted; null for a set.' },
  series: COUNT,
  families: COUNT,
  protocol: TEXT_OR_NONE,
  last_push: INSTANT_OR_NEVER,
  last_failure: INSTANT_OR_NEVER,
  failure_reason: TEXT_OR_NONE,
  last_push_successful: FLAG,
  expires: INSTANT_OR_NEVER,
}

export const GROUPS = record({
  now: INSTANT,
  total: record({ groups: COUNT, sets: COUNT, series: COUNT }),
  matching: COUNT,
  offset: COUNT,
  limit: COUNT,
  groups: list(record(ROW)),
})

const NATIVE = record(
  {
    schema: { type: 'integer' },
    zero_threshold: NUMBER,
    zero_count: NUMBER,
    count: NUMBER,
    sum: NUMBER,
    buckets: {
      ...list({ ...list(NUMBER), minItems: 3, maxItems: 3 }),
      description: 'Lower bound, upper bound and count of each, from the lowest up.',
    },
  },
  ['count', 'sum'],
)

const METRIC = record(
  {
    labels: { ...TEXTS, description: 'Without those of the group.' },
    value: NUMBER,
    quantiles: NUMBERS,
    buckets: { ...NUMBERS, description: 'Cumulative, by upper bound.' },
    count: NUMBER,
    sum: NUMBER,
    native: NATIVE,
  },
  ['value', 'quantiles', 'buckets', 'count', 'sum', 'native'],
)

export const GROUP = record({
  now: INSTANT,
  ...ROW,
  matching_families: COUNT,
  offset: COUNT,
  limit: COUNT,
  families_list: list(
    record({
      name: TEXT,
      type: {
        type: 'string',
        enum: ['counter', 'gauge', 'unknown', 'summary', 'histogram', 'gaugehistogram', 'info', 'stateset'],
      },
      help: TEXT,
      unit: TEXT,
      last_push: INSTANT_OR_NEVER,
      expires: INSTANT_OR_NEVER,
      series: COUNT,
      truncated: { type: 'boolean', description: 'There are more metrics than are told.' },
      metrics: list(METRIC),
    }),
  ),
})

export const CARDINALITY = record(
  {
    now: INSTANT,
    series: COUNT,
    groups: COUNT,
    sets: COUNT,
    families: COUNT,
    complete: {
      type: 'boolean',
      description: 'False when there are too many values of labels to count all of them.',
    },
    metrics: list(record({ name: TEXT, type: TEXT, series: COUNT, groups: COUNT })),
    labels: list(record({ name: TEXT, values: COUNT, series: COUNT })),
    jobs: list(record({ job: TEXT, series: COUNT, groups: COUNT, sets: COUNT })),
    pairs: list(record({ name: TEXT, value: TEXT, series: COUNT })),
    values: list(record({ value: TEXT, series: COUNT })),
  },
  ['values'],
)

const STORE = record(
  {
    name: TEXT,
    ready: FLAG,
    reason: TEXT,
    facts: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
    findings: list(record({ finding: TEXT, ok: FLAG, where: TEXT, message: TEXT }, ['message'])),
    losses: record(
      {
        history: COUNT,
        lost_writes: COUNT,
        resubmitted_writes: COUNT,
        last_at: INSTANT_OR_NEVER,
        cause: TEXT,
      },
      ['last_at', 'cause'],
    ),
    primaries: list(record({ endpoint: TEXT, state: TEXT, partitions: COUNT, reason: TEXT }, ['reason'])),
    replicas: list(record({ id: TEXT, version: TEXT, address: TEXT, last_seen: INSTANT_OR_NEVER })),
  },
  ['reason', 'facts', 'findings', 'losses', 'primaries', 'replicas'],
)

export const STATUS = record(
  {
    build_information: TEXTS,
    flags: TEXTS,
    start_time: INSTANT,
    replica: record({ id: TEXT, uptime_seconds: { type: 'number', minimum: 0 } }, ['id']),
    features: record({ admin_api: FLAG, lifecycle: FLAG, consistency_check: FLAG }),
    settings: list(
      record(
        {
          flag: TEXT,
          value: TEXT,
          from: { type: 'string', enum: ['default', 'flag', 'environment', 'file', 'program'] },
          origin: TEXT,
        },
        ['origin'],
      ),
    ),
    page: record({ series: COUNT, groups: COUNT, sets: COUNT, expiring_within_60s: COUNT }),
    counters: record({
      pushes: list(
        record({
          protocol: TEXT,
          outcome: { type: 'string', enum: ['accepted', 'refused', 'failed'] },
          total: COUNT,
        }),
      ),
      samples: list(record({ protocol: TEXT, total: COUNT })),
      rejections: list(record({ protocol: TEXT, reason: TEXT, total: COUNT })),
    }),
    recent_rejections: list(
      record({
        at: INSTANT,
        protocol: TEXT,
        code: TEXT,
        reason: TEXT,
        labels: { ...TEXTS, type: ['object', 'null'] },
      }),
    ),
    store: STORE,
  },
  ['counters', 'recent_rejections'],
)

export const REMOVAL = record({ groups: COUNT, sets: COUNT, series: COUNT, dry_run: FLAG })
