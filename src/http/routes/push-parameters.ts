/** What every way in reads of a query. */
export const TTL = {
  type: 'string',
  maxLength: 100,
  description:
    'How long what is pushed lives: `90s`, `1h30m`, `0` for ever; the default of the server when absent.',
} as const
