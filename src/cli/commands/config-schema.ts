import { Command } from '@oclif/core/command'
import { jsonFlag } from '../gateway-flags.ts'
import { writeJson } from '../output.ts'

export class ConfigSchema extends Command {
  static override summary = 'Print the JSON Schema of the configuration file.'
  static override description =
    'Editors complete and check a configuration file with it, and so do validators in CI. It is always JSON; --json is accepted.'
  static override examples = [
    {
      description: 'Put it where an editor finds it',
      command: '<%= config.bin %> <%= command.id %> > pgr.schema.json',
    },
    {
      description: 'Ask what a setting is for',
      command:
        "<%= config.bin %> <%= command.id %> | jq -r '.properties.redis.properties.expiration.description'",
    },
  ]
  static override flags = { ...jsonFlag }

  async run(): Promise<void> {
    await this.parse(ConfigSchema)
    const { settingsSchema } = await import('../../config/schema.ts')
    writeJson(settingsSchema())
  }
}
