import { setTimeout as sleep } from 'node:timers/promises'
import * as Args from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { gatewayFlags, jsonFlag } from '../gateway-flags.ts'
import { readTextFile } from '../input.ts'
import { writeJson, writeLine } from '../output.ts'

export class Import extends Command {
  static override summary = 'Import what another gateway, a Redis or a file holds.'
  static override description =
    'Pushes everything a source holds: a running Pushgateway or pgr by its address, the Redis of pushgatewayredis, or a file made by "pgr export". Groups are pushed one by one, so that the gateway shows each of them as a whole or not at all. What is done is noted in a file; when an import was interrupted, the same command goes on where it stopped. Times of pushes cannot be imported.'
  static override examples = [
    {
      description: 'See what moving from a Pushgateway would do',
      command: '<%= config.bin %> <%= command.id %> http://pushgateway.example:9091 --dry-run',
    },
    {
      description: 'Move from a Pushgateway; what it holds never expires, unless told otherwise',
      command: '<%= config.bin %> <%= command.id %> http://pushgateway.example:9091 --ttl=1d',
    },
    {
      description: 'Restore a backup over what is there',
      command: '<%= config.bin %> <%= command.id %> backup.ndjson --on-conflict=replace',
    },
    {
      description: 'Take over what pushgatewayredis keeps',
      command: '<%= config.bin %> <%= command.id %> redis://redis.example:6379',
    },
  ]
  static override args = {
    source: Args.string({
      description:
        'Address of a gateway (http://…) or of the Redis of pushgatewayredis (redis://…), or a file; - is standard input.',
      required: true,
      // Without this the words on standard input would be taken for the name of the source.
      ignoreStdin: true,
    }),
  }
  static override flags = {
    url: gatewayFlags.url,
    'on-conflict': Flags.option({
      options: ['skip', 'replace', 'fail'] as const,
      default: 'skip' as const,
    })({
      summary: 'What to do with a group that the gateway held before: leave it, replace it, or stop.',
    }),
    ttl: Flags.string({
      summary:
        'Lifetime of everything, such as 1d; 0 = never expire; keep = what is left of it at the source; default = as the gateway does.',
      helpValue: '<duration>',
      default: 'keep',
    }),
    connections: Flags.integer({
      summary: 'Pushes under way at a time.',
      default: 4,
      min: 1,
      max: 64,
      helpValue: '<n>',
    }),
    retry: Flags.integer({
      summary: 'Attempts after a failed one (429, 5xx, no answer).',
      default: 5,
      min: 0,
      max: 100,
      helpValue: '<n>',
    }),
    checkpoint: Flags.string({
      summary:
        'File that notes what is done. [default: beside the source, or in this folder; none for standard input]',
      helpValue: '<path>',
    }),
    'dry-run': Flags.boolean({ summary: 'Read everything, push nothing, and tell what would be pushed.' }),
    progress: Flags.boolean({
      summary: 'Show how far it is, where stderr is a terminal.',
      default: true,
      allowNo: true,
    }),
    'source-user': Flags.string({
      summary: 'User of the gateway that is read.',
      env: 'PGR_SOURCE_USER',
      helpValue: '<name>',
    }),
    'source-password-file': Flags.string({
      summary: 'File that holds the password for the source; PGR_SOURCE_PASSWORD holds one itself.',
      env: 'PGR_SOURCE_PASSWORD_FILE',
      helpValue: '<path>',
    }),
    'source-token-file': Flags.string({
      summary:
        'File that holds a bearer token for the gateway that is read; PGR_SOURCE_TOKEN holds one itself.',
      env: 'PGR_SOURCE_TOKEN_FILE',
      helpValue: '<path>',
    }),
    user: gatewayFlags.user,
    'password-file': gatewayFlags['password-file'],
    'token-file': gatewayFlags['token-file'],
    timeout: gatewayFlags.timeout,
    ...jsonFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Import)
    const [{ importAll }, { importJson, importLines }, { makeProgress }] = await Promise.all([
      import('../import-all.ts'),
      import('../import-report.ts'),
      import('../progress.ts'),
    ])
    const bar = makeProgress(process.stderr, {
      isWanted: flags.progress,
      env: process.env,
      now: () => performance.now(),
    })
    const { outcome, failure } = await importAll(args.source, flags, {
      env: process.env,
      stdin: process.stdin,
      readFile: readTextFile,
      onProgress: bar.update,
      sending: { fetch, sleep: (ms) => sleep(ms), random: Math.random, now: Date.now },
    })
    bar.end()
    if (flags.json && failure === undefined) writeJson(importJson(outcome))
    else for (const line of importLines(outcome)) writeLine(process.stderr, line)
    if (failure !== undefined) throw failure
    if (outcome.tally.refused > 0) process.exitCode = 1
  }
}
