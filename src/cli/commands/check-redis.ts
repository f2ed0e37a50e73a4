import { Command } from '@oclif/core/command'
import * as Errors from '@oclif/core/errors'
import * as Flags from '@oclif/core/flags'
import { jsonFlag, noColorFlag } from '../gateway-flags.ts'
import { redisFlags } from '../server-flags.ts'

const FAILED_EXIT = 1

export class CheckRedis extends Command {
  static override summary = 'Check whether a Redis will do, before a gateway depends on it.'
  static override description =
    'Connects as `serve` would with the same flags, environment and file, and says what it finds: version and topology, whether the data there is laid out as this version lays it out and its scripts run, what could lose data, and how long an answer takes. An empty Redis is prepared as the first gateway would. Ends with 1 when it cannot be used or a finding is bad that --accept does not name.'
  static override examples = [
    {
      description: 'Check one server',
      command: '<%= config.bin %> <%= command.id %> --redis.endpoint=127.0.0.1:6379',
    },
    {
      description: 'Check what a file says, where losing a minute of data is fine',
      command:
        '<%= config.bin %> <%= command.id %> --config.file=pushgw.yml --accept=persistence --accept=maxmemory',
    },
    {
      description: 'Ask for one fact',
      command:
        '<%= config.bin %> <%= command.id %> --redis.endpoint=127.0.0.1:6379 --json | jq -r .facts.redis_version',
    },
  ]
  static override flags = {
    accept: Flags.string({
      summary: 'Finding that may be bad, such as persistence; may be repeated.',
      helpValue: '<finding>',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...redisFlags,
    ...jsonFlag,
    ...noColorFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(CheckRedis)
    const [{ checkRedis, isUsable, redisJson, redisText }, { stdoutScreen }, { writeJson }] =
      await Promise.all([import('../redis-check.ts'), import('../screen.ts'), import('../output.ts')])
    const found = await checkRedis(flags)
    const accepted = flags.accept ?? []
    const isGood = isUsable(found, accepted)
    if (flags.json) writeJson(redisJson(found, isGood))
    else process.stdout.write(redisText(found, accepted, stdoutScreen(flags)))
    if (!isGood) throw new Errors.ExitError(FAILED_EXIT)
  }
}
