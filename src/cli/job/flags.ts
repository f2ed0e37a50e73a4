import * as Flags from '@oclif/core/flags'
import { DEFAULT_PREFIX } from './metrics.ts'

/** For `pgr push` with a command to run. */
export const jobFlags = {
  prefix: Flags.string({
    summary: `What the names of the metrics of a run begin with. [default: ${DEFAULT_PREFIX}]`,
    helpValue: '<name>',
    helpGroup: 'COMMAND',
  }),
  'quiet-on-success': Flags.boolean({
    summary: 'Keep the output of the command back, and show it only when it fails.',
    helpGroup: 'COMMAND',
  }),
  'time-limit': Flags.string({
    summary: 'End the command with SIGTERM after this long, and exit with 124.',
    helpValue: '<duration>',
    helpGroup: 'COMMAND',
  }),
  'kill-after': Flags.string({
    summary: 'SIGKILL what does not end this long after SIGTERM. [default: 10s]',
    helpValue: '<duration>',
    helpGroup: 'COMMAND',
  }),
  heartbeat: Flags.string({
    summary: 'Push this often that the command is still running.',
    helpValue: '<duration>',
    helpGroup: 'COMMAND',
  }),
  'push-budget': Flags.string({
    summary: 'Longest wait for all pushing once the command has ended. [default: 10s]',
    helpValue: '<duration>',
    helpGroup: 'COMMAND',
  }),
  'strict-push': Flags.boolean({
    summary: 'Fail when the command succeeded and its metrics could not be pushed.',
    helpGroup: 'COMMAND',
  }),
}

/** The flags above, as they were parsed. */
export interface JobFlags {
  readonly prefix?: string | undefined
  readonly 'quiet-on-success': boolean
  readonly 'time-limit'?: string | undefined
  readonly 'kill-after'?: string | undefined
  readonly heartbeat?: string | undefined
  readonly 'push-budget'?: string | undefined
  readonly 'strict-push': boolean
}

/** Those that were given. */
export function givenJobFlags(flags: JobFlags): string[] {
  return Object.keys(jobFlags).filter((name) => Boolean(flags[name as keyof JobFlags]))
}
