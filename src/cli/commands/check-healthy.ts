import { Command } from '@oclif/core/command'
import { gatewayFlags, jsonFlag } from '../gateway-flags.ts'

export class CheckHealthy extends Command {
  static override summary = 'Check whether a gateway is alive.'
  static override description =
    'Asks `/-/healthy`, which never asks the store, so that an outage of the store does not restart what is fine. Ends with 0 when it is alive and with 1 when it is not or does not answer.'
  static override examples = [
    {
      description: 'As HEALTHCHECK of a container',
      command: '<%= config.bin %> <%= command.id %> --timeout=2s',
    },
    {
      description: 'Ask a gateway elsewhere',
      command: '<%= config.bin %> <%= command.id %> --url=http://127.0.0.1:9753 --json',
    },
  ]
  static override flags = { ...gatewayFlags, ...jsonFlag }

  async run(): Promise<void> {
    const { flags } = await this.parse(CheckHealthy)
    const { probe } = await import('../probe.ts')
    await probe('healthy', flags)
  }
}
