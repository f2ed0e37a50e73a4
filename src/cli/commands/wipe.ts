import { Command } from '@oclif/core/command'
import { destroyFlags, gatewayFlags, jsonFlag } from '../gateway-flags.ts'

export class Wipe extends Command {
  static override summary = 'Remove everything that is stored.'
  static override description =
    'Empties the store, for every replica that shares it. The gateway allows it with --web.enable-admin-api. Asks before it does; where nobody can be asked, --yes has to stand.'
  static override examples = [
    {
      description: 'See how much there is',
      command: '<%= config.bin %> <%= command.id %> --dry-run',
    },
    {
      description: 'Begin a test with nothing stored',
      command: '<%= config.bin %> <%= command.id %> --url=http://127.0.0.1:9753 --yes',
    },
  ]
  static override flags = { ...destroyFlags, ...gatewayFlags, ...jsonFlag }

  async run(): Promise<void> {
    const { flags } = await this.parse(Wipe)
    const [{ openGatewayApi }, { everything }, { destroy }] = await Promise.all([
      import('../gateway-api.ts'),
      import('../removal.ts'),
      import('../destroy.ts'),
    ])
    await destroy(await everything(openGatewayApi(flags)), 'wipe', flags)
  }
}
