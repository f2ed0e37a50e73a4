import { Command } from '@oclif/core/command'
import { gatewayFlags, jsonFlag, noColorFlag } from '../gateway-flags.ts'
import { writeJson } from '../output.ts'

export class Status extends Command {
  static override summary = 'Show how a gateway and its store are.'
  static override description =
    'Version, store, what is stored, what is wrong with the settings of the store, the replicas that share it, and what was refused last. Ends with 0 whenever the gateway answers; `check ready` is for scripts. In a pipe every line is a name and a value between a tab, then a line for each finding, primary, replica and refusal.'
  static override examples = [
    {
      description: 'Look at one gateway',
      command: '<%= config.bin %> <%= command.id %> --url=http://127.0.0.1:9753',
    },
    {
      description: 'List what is not in order',
      command:
        "<%= config.bin %> <%= command.id %> --json | jq -r '.store.findings[]? | select(.ok | not) | .message'",
    },
  ]
  static override flags = { ...gatewayFlags, ...jsonFlag, ...noColorFlag }

  async run(): Promise<void> {
    const { flags } = await this.parse(Status)
    const [{ openGatewayApi }, { statusText }, { stdoutScreen }] = await Promise.all([
      import('../gateway-api.ts'),
      import('../status-text.ts'),
      import('../screen.ts'),
    ])
    const status = await openGatewayApi(flags).status()
    if (flags.json) writeJson(status)
    else process.stdout.write(statusText(status, new Date().toISOString(), stdoutScreen(flags)))
  }
}
