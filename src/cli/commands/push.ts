import { setTimeout as sleep } from 'node:timers/promises'
import * as Args from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { PgrError } from '../../errors/pgr-error.ts'
import { gatewayFlags, jsonFlag } from '../gateway-flags.ts'
import { readInput, readTextFile } from '../input.ts'
import { cutCommandLine } from '../job/command-line.ts'
import { givenJobFlags, jobFlags } from '../job/flags.ts'
import { writeJson, writeLine } from '../output.ts'

export class Push extends Command {
  static override summary = 'Push metrics to a gateway, or run a command and push how it went.'
  static override description =
    'Reads metrics in the Prometheus text format or OpenMetrics from a file or standard input, checks them, and sends them. Works with this gateway and with Prometheus Pushgateway, which knows no --ttl and no --protocol but its own; --protocol=remote-write and --protocol=otlp work with every receiver of them. A password is taken from PGR_PASSWORD, from the file that PGR_PASSWORD_FILE or --password-file names, or from the URL, and is never shown. What stands behind -- is run as if pgr were not there: output, signals and exit code are its own, and a gateway that is away changes nothing. What it writes to the file that PGR_METRICS_FILE names is pushed, too.'
  static override examples = [
    {
      description: 'Push what a script prints',
      command: './backup-metrics.sh | <%= config.bin %> <%= command.id %> --job=backup --group=instance=db1',
    },
    {
      description: 'Replace the whole group, and forget it after a quarter of an hour',
      command: '<%= config.bin %> <%= command.id %> metrics.prom --job=backup --replace --ttl=15m',
    },
    {
      description: 'See what would be sent',
      command: '<%= config.bin %> <%= command.id %> metrics.prom --job=backup --dry-run',
    },
    {
      description: 'Merge metrics one by one, without a group',
      command: '<%= config.bin %> <%= command.id %> metrics.prom --protocol=ingest --url=https://pgr.example',
    },
    {
      description: 'Send them as a Prometheus would, and hear what was written',
      command:
        '<%= config.bin %> <%= command.id %> metrics.prom --protocol=remote-write --job=backup --verbose',
    },
    {
      description: 'Send them to anything that takes OpenTelemetry',
      command:
        '<%= config.bin %> <%= command.id %> metrics.prom --protocol=otlp --job=backup --url=http://collector:4318',
    },
    {
      description: 'Run a command, and push when and how it ended',
      command: '<%= config.bin %> <%= command.id %> --job=backup --ttl=3d -- ./backup --full',
    },
    {
      description: 'For cron: mail only when it fails, and two hours at most',
      command:
        '<%= config.bin %> <%= command.id %> --job=backup --quiet-on-success --time-limit=2h -- ./backup',
    },
  ]
  static override usage = ['push [FILE] [FLAGS]', 'push [FLAGS] -- COMMAND [ARGS]']
  static override args = {
    file: Args.string({
      description: 'File to push; standard input for - or when no file is named.',
      // Without this the words on standard input would be taken for the name of the file.
      ignoreStdin: true,
    }),
  }
  static override flags = {
    url: gatewayFlags.url,
    job: Flags.string({
      char: 'j',
      summary:
        'Job name of the group, required for one; with remote-write the label job of every series, with otlp service.name.',
      helpValue: '<name>',
    }),
    group: Flags.string({
      char: 'g',
      summary: 'Grouping label, or a label of every series; may be repeated.',
      helpValue: '<name=value>',
      multiple: true,
      multipleNonGreedy: true,
    }),
    replace: Flags.boolean({
      summary: 'Replace the whole group (PUT) instead of the metrics that are named (POST).',
    }),
    ttl: Flags.string({
      summary: 'Lifetime of these metrics, such as 15m; 0 = never expire.',
      helpValue: '<duration>',
    }),
    protocol: Flags.option({
      options: ['pushgateway', 'ingest', 'remote-write', 'otlp'] as const,
      default: 'pushgateway' as const,
    })({
      summary:
        'Push into a group, merge metrics one by one, or send them as Prometheus or OpenTelemetry does.',
    }),
    'remote-write-version': Flags.option({ options: ['1.0', '2.0'] as const, default: '2.0' as const })({
      summary: 'Version of remote write; receivers of 2.0 say what they wrote.',
    }),
    format: Flags.option({ options: ['auto', 'text', 'openmetrics'] as const, default: 'auto' as const })({
      summary: 'Format of the input; auto takes it for OpenMetrics when it ends with # EOF.',
    }),
    check: Flags.boolean({
      summary: 'Read the input before sending it, and send nothing that is wrong.',
      default: true,
      allowNo: true,
    }),
    'allow-empty': Flags.boolean({
      summary: 'Push although the input is empty; with --replace that empties the group.',
    }),
    gzip: Flags.boolean({ summary: 'Compress bodies over 1 kB.', default: true, allowNo: true }),
    user: gatewayFlags.user,
    'password-file': gatewayFlags['password-file'],
    'token-file': gatewayFlags['token-file'],
    retry: Flags.integer({
      summary: 'Attempts after a failed one (429, 5xx, no answer).',
      default: 3,
      min: 0,
      max: 100,
      helpValue: '<n>',
    }),
    timeout: gatewayFlags.timeout,
    'dry-run': Flags.boolean({ summary: 'Print what would be sent, and send nothing.' }),
    ...jsonFlag,
    verbose: Flags.boolean({
      char: 'v',
      summary: 'Tell of success and of retries on stderr, as on a terminal.',
    }),
    ...jobFlags,
  }

  async run(): Promise<void> {
    const { own, command } = cutCommandLine(this.argv)
    const { args, flags } = await this.parse(Push, [...own])
    if (command) {
      const { pushJob } = await import('../job/push-job.ts')
      return pushJob({ command, flags, file: args.file })
    }
    refuseJobFlags(givenJobFlags(flags))
    const [{ preparePush }, { parseTimeoutMs }] = await Promise.all([
      import('../push-order.ts'),
      import('../gateway-target.ts'),
    ])
    const timeoutMs = parseTimeoutMs(flags.timeout)
    const { request, input, series, explain, outcome } = await preparePush(flags, {
      env: process.env,
      readFile: readTextFile,
      readInput: () => readInput(args.file, process.stdin),
      now: Date.now,
    })
    if (flags['dry-run']) {
      const { dryRunJson, dryRunText } = await import('../push-preview.ts')
      if (flags.json) writeJson(dryRunJson(request, input))
      else process.stdout.write(dryRunText(request, input))
      return
    }

    const { sendPush } = await import('../../client/send.ts')
    const say =
      flags.verbose || process.stderr.isTTY ? (line: string) => writeLine(process.stderr, line) : () => {}
    const { status, attempts, ...answer } = await sendPush(
      request,
      {
        retries: flags.retry,
        timeoutMs,
        ...(explain && { explain }),
        onRetry: ({ reason, delayMs }) => say(`${reason}; next attempt in ${Math.round(delayMs)} ms`),
      },
      { fetch, sleep: (ms) => sleep(ms), random: Math.random, now: Date.now },
    )
    const said = outcome(answer)
    const { method, url } = request
    if (flags.json) {
      writeJson({
        status,
        method,
        url,
        attempts,
        series,
        bytes: input.length,
        sentBytes: request.body.length,
        ...said,
      })
      return
    }
    const count = series === null ? '' : `${series} series, `
    say(`${method} ${url}: ${count}${input.length} bytes (${status})`)
    if (said.warning !== undefined) writeLine(process.stderr, `warning: the receiver says: ${said.warning}`)
    if (said.written !== undefined) {
      const { samples, histograms, exemplars } = said.written
      say(`the receiver wrote ${samples} samples, ${histograms} histograms and ${exemplars} exemplars`)
    }
  }
}

function refuseJobFlags([first]: readonly string[]): void {
  if (first === undefined) return
  throw new PgrError('PGR_SETTING_INVALID', `--${first} belongs to a command to run: name one behind --`)
}
