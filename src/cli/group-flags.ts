import * as Flags from '@oclif/core/flags'
import { duration } from '../config/kinds.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { Query } from './gateway-api.ts'

/** Used when the flag stands without a duration. */
const OPTIONAL_DURATIONS: ReadonlyMap<string, string> = new Map([
  ['--stale', '1h'],
  ['--expiring', '5m'],
])
const WITHIN = duration({ minMs: 1 })

/** Which groups and series sets are meant. */
export const selectFlags = {
  match: Flags.string({
    char: 'm',
    summary: 'Selector of labels, such as \'{job="backup"}\'; may be repeated, any may match.',
    helpValue: '<selector>',
    multiple: true,
    multipleNonGreedy: true,
  }),
  search: Flags.string({
    char: 's',
    summary: 'Text in a label or the name of a metric.',
    helpValue: '<text>',
  }),
  kind: Flags.option({ options: ['group', 'set'] as const })({
    summary: 'Only groups, or only series sets (what was merged).',
  }),
  failed: Flags.boolean({
    summary: 'Only those whose last push was refused.',
    exclusive: ['stale', 'expiring'],
  }),
  stale: Flags.string({
    summary: 'Only those not pushed for this long. [without a value: 1h]',
    helpValue: '<duration>',
    exclusive: ['failed', 'expiring'],
  }),
  expiring: Flags.string({
    summary: 'Only those gone within this. [without a value: 5m]',
    helpValue: '<duration>',
    exclusive: ['failed', 'stale'],
  }),
}

export interface SelectFlags {
  readonly match?: readonly string[] | undefined
  readonly search?: string | undefined
  readonly kind?: 'group' | 'set' | undefined
  readonly failed: boolean
  readonly stale?: string | undefined
  readonly expiring?: string | undefined
}

/** Words with a duration behind every flag that may stand without one. */
export function withDurations(argv: readonly string[]): string[] {
  const words: string[] = []
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    const usual = OPTIONAL_DURATIONS.get(word)
    const next = argv[at + 1] ?? ''
    if (usual === undefined) words.push(word)
    else if (WITHIN.parse(next) === undefined) words.push(`${word}=${usual}`)
    else {
      words.push(`${word}=${next}`)
      at++
    }
  }
  return words
}

/** The flags as the read API takes them. Throws PGR_SETTING_INVALID. */
export function selectQuery(flags: SelectFlags): Query {
  const query: [string, string][] = (flags.match ?? []).map((selector) => ['match[]', selector])
  if (flags.search !== undefined) query.push(['search', flags.search])
  if (flags.kind !== undefined) query.push(['kind', flags.kind])
  if (flags.failed) query.push(['state', 'failed'])
  for (const state of ['stale', 'expiring'] as const) {
    const given = flags[state]
    if (given !== undefined) query.push(['state', state], ['within', secondsOf(`--${state}`, given)])
  }
  return query
}

function secondsOf(flag: string, given: string): string {
  const ms = WITHIN.parse(given)
  if (ms === undefined)
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `${flag} must be ${WITHIN.expects}, not ${JSON.stringify(given)}`,
    )
  return String(Math.ceil(ms / 1000))
}
