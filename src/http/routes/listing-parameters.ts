/** Parameters that several listings have. */

export const MATCH = {
  type: 'array',
  maxItems: 100,
  items: { type: 'string', maxLength: 10_000 },
  description:
    'Selectors of Prometheus without a metric name, such as `{job="backup"}`; one of them has to match the labels.',
} as const

export const SEARCH = { type: 'string', maxLength: 500, default: '' } as const

export const OFFSET = {
  type: 'integer',
  minimum: 0,
  maximum: 1_000_000_000,
  default: 0,
  description: 'How many of those that match are left out first.',
} as const
