import * as Args from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import { jsonFlag } from '../gateway-flags.ts'
import { hiddenServerFlags } from '../server-flags.ts'

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
    ...hiddenServerFlags,
    ...jsonFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CheckConfig)
    const { printSettings, settingsInEffect } = await import('../shown-settings.ts')
    printSettings(settingsInEffect(flags, args.file), flags.json, { valid: true })
  }
}
