import * as Flags from '@oclif/core/flags'
import { duration } from '../config/kinds.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { Pace } from './live.ts'

const INTERVAL = duration({ minMs: 100 })

/** For commands that go on until they are ended. */
export const liveFlags = {
  interval: Flags.string({
    summary: 'Time between two looks.',
    default: '2s',
    helpValue: '<duration>',
  }),
  count: Flags.integer({
    summary: 'End after so many looks; without it with q, Ctrl-C or SIGTERM.',
    min: 1,
    helpValue: '<n>',
  }),
}

/** What the flags above ask for. Throws PGR_SETTING_INVALID. */
export function paceOf(flags: { readonly interval: string; readonly count?: number | undefined }): Pace {
  const intervalMs = INTERVAL.parse(flags.interval)
  if (intervalMs === undefined)
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `--interval must be ${INTERVAL.expects}, not ${JSON.stringify(flags.interval)}`,
    )
  return { intervalMs, count: flags.count }
}
