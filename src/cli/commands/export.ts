import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { gatewayFlags } from '../gateway-flags.ts'
import { writeLine } from '../output.ts'

export class Export extends Command {
  static override summary = 'Export everything a gateway holds, as lines of JSON.'
  static override description =
    'Writes what a running pgr or Pushgateway holds to standard output or a file: one line for every group and series set, with types, help, native histograms, exemplars, start times, timestamps and what is left of lifetimes, as of one instant. "pgr import" reads it. A file is there as a whole or not at all.'
  static override examples = [
    {
      description: 'Back up a gateway',
      command: '<%= config.bin %> <%= command.id %> --output=backup.ndjson',
    },
    {
      description: 'Keep a backup compressed',
      command: '<%= config.bin %> <%= command.id %> | gzip > backup.ndjson.gz',
    },
  ]
  static override flags = {
    url: gatewayFlags.url,
    output: Flags.string({
      char: 'o',
      summary: 'File to write, over what is there; standard output without it.',
      helpValue: '<path>',
    }),
    progress: Flags.boolean({
      summary: 'Show how far it is, where stderr is a terminal.',
      default: true,
      allowNo: true,
    }),
    user: gatewayFlags.user,
    'password-file': gatewayFlags['password-file'],
    'token-file': gatewayFlags['token-file'],
    timeout: gatewayFlags.timeout,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Export)
    const [{ openSourceGateway }, { exportLines }, { parseTimeoutMs, targetOf }, { makeProgress }, sinks] =
      await Promise.all([
        import('../../migrate/open-gateway-source.ts'),
        import('../../migrate/run-export.ts'),
        import('../gateway-target.ts'),
        import('../progress.ts'),
        import('../export-sink.ts'),
      ])
    const target = targetOf(flags)
    const source = await openSourceGateway(target, {
      timeoutMs: parseTimeoutMs(flags.timeout),
      leftOut: (what, why) => writeLine(process.stderr, `warning: without ${what}: ${why}`),
    })
    const bar = makeProgress(process.stderr, {
      isWanted: flags.progress && (flags.output !== undefined || !process.stdout.isTTY),
      env: process.env,
      now: () => performance.now(),
    })
    let count = 0
    const lines = exportLines(source, (units) => {
      count = units
      bar.update(units, source.total)
    })
    let isWhole = true
    try {
      if (flags.output) await sinks.writeFile(flags.output, lines)
      else isWhole = await sinks.writeStream(process.stdout, lines)
    } finally {
      bar.end()
      await source.close()
    }
    if (!isWhole) return
    writeLine(process.stderr, `exported ${count} groups and sets of ${target.base}`)
  }
}
