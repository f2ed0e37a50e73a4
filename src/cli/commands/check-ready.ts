import { Command } from '@oclif/core/command'
import { gatewayFlags, jsonFlag } from '../gateway-flags.ts'

export class CheckReady extends Command {
  static override summary = 'Check whether a gateway can take pushes and answer scrapes.'
  static override description =
    'Asks `/-/ready`, which asks the store. Ends with 0 when it is ready and with 1 when it is not or does not answer.'
  static override examples = [
    { description: 'Ask once', command: '<%= config.bin %> <%= command.id %> --timeout=2s' },
    {
      description: 'Wait in a script until pushes are taken',
      command: 'until <%= config.bin %> <%= command.id %> --timeout=2s 2> /dev/null; do sleep 1; done',
    },
  ]
  static override flags = { ...gatewayFlags, ...jsonFlag }

  async run(): Promise<void> {
    const { flags } = await this.parse(CheckReady)
    const { probe } = await import('../probe.ts')
    await probe('ready', flags)
  }
}
