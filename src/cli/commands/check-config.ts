import { Args, Command, Flags } from '@oclif/core'
import { PgrError } from '../../errors/pgr-error.ts'
import { readTextFile } from '../input.ts'
import { writeJson, writeLine } from '../output.ts'
import { givenFlags, makeServerFlags } from '../server-flags.ts'
import { settingsTable } from '../settings-table.ts'

export class CheckConfig extends Command {
  static override summary = 'Check settings and show what is in effect.'
  static override description =
    'Reads settings as `serve` does, from the file, the environment and the flags of `serve`, all of which are accepted here, and starts nothing. Shows every value and where it came from; secrets are masked.'
  static override examples = [
    {
      description: 'Check a file before it is rolled out',
      command: '<%= config.bin %> <%= command.id %> pushgw.yml',
    },
    {
      description: 'See what a command line would mean',
      command: '<%= config.bin %> <%= command.id %> pushgw.yml --redis.expiration=1h',
    },
    {
      description: 'Ask for one value',
      command:
        '<%= config.bin %> <%= command.id %> pushgw.yml --json | jq \'.settings["redis.expiration"].value\'',
    },
  ]
  static override args = {
    file: Args.string({
      description: 'Configuration file; that of --config.file or PGR_CONFIG_FILE unless given.',
      // Standard input is not a file name.
      ignoreStdin: true,
    }),
  }
  static override flags = {
    ...makeServerFlags({ hidden: true }),
    json: Flags.boolean({ summary: 'Print JSON.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CheckConfig)
    const [{ resolveSettings }, { showSettings }] = await Promise.all([
      import('../../config/resolve.ts'),
      import('../../config/show.ts'),
    ])
    const { settings, origins, notices } = resolveSettings({
      flags: withFile(givenFlags(flags), args.file),
      env: process.env,
      readFile: readTextFile,
    })
    const shown = showSettings(settings, origins)
    if (flags.json) {
      const rows = shown.map(({ flag, value, from, origin }) => [flag, { value, from, origin }])
      writeJson({
        valid: true,
        settings: Object.fromEntries(rows),
        notices: notices.map(({ message }) => message),
      })
      return
    }
    for (const { message } of notices) writeLine(process.stderr, `warning: ${message}`)
    process.stdout.write(settingsTable(shown))
  }
}

function withFile<Value>(
  flags: ReadonlyMap<string, Value>,
  file: string | undefined,
): ReadonlyMap<string, Value | string> {
  if (file === undefined) return flags
  if (flags.has('config.file')) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `${file} and --config.file both name a configuration file: give only one`,
    )
  }
  return new Map<string, Value | string>(flags).set('config.file', file)
}
