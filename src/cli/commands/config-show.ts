import * as Args from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import { jsonFlag } from '../gateway-flags.ts'
import { hiddenServerFlags } from '../server-flags.ts'

export class ConfigShow extends Command {
  static override summary = 'Show the settings that are in effect.'
  static override description =
    'Reads settings as `serve` does, from the file, the environment and the flags of `serve`, all of which are accepted here, and shows every value and where it came from; secrets are masked. `check config` does the same and is named for what it is used for.'
  static override examples = [
    { description: 'See what the environment sets', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'List what is not as it comes',
      command:
        '<%= config.bin %> <%= command.id %> pushgw.yml --json | jq \'.settings | map_values(select(.from != "default"))\'',
    },
  ]
  static override args = {
    file: Args.string({
      description: 'Configuration file; that of --config.file or PGR_CONFIG_FILE unless given.',
      // Standard input is not a file name.
      ignoreStdin: true,
    }),
  }
  static override flags = { ...hiddenServerFlags, ...jsonFlag }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ConfigShow)
    const { printSettings, settingsInEffect } = await import('../shown-settings.ts')
    printSettings(settingsInEffect(flags, args.file), flags.json)
  }
}
