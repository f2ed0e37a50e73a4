import * as Args from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import * as Errors from '@oclif/core/errors'
import * as Flags from '@oclif/core/flags'
import { jsonFlag, noColorFlag } from '../gateway-flags.ts'
import { readInput } from '../input.ts'

/** For metrics that can be pushed and should be otherwise. */
const LINT_EXIT = 3

export class CheckMetrics extends Command {
  static override summary = 'Check metrics before they are pushed.'
  static override description =
    'Reads metrics in the Prometheus text format or OpenMetrics from a file or standard input as the gateway would, and says what the conventions of Prometheus would have otherwise. Ends with 3 when they cannot be read or when there is something to say. In a pipe every line is a problem, fields between tabs: metric, rule, what is wrong; with --extended then a line for each metric, behind the word series: name, number, share.'
  static override examples = [
    {
      description: 'Check what a script prints',
      command: './backup-metrics.sh | <%= config.bin %> <%= command.id %>',
    },
    {
      description: 'See which metrics have the most series',
      command: '<%= config.bin %> <%= command.id %> metrics.prom --extended',
    },
    {
      description: 'Check what a program would be scraped for',
      command: 'curl -s http://127.0.0.1:9753/telemetry | <%= config.bin %> <%= command.id %> --json',
    },
  ]
  static override args = {
    file: Args.string({
      description: 'File to check; standard input for - or when no file is named.',
      // Without this the words on standard input would be taken for the name of the file.
      ignoreStdin: true,
    }),
  }
  static override flags = {
    format: Flags.option({ options: ['auto', 'text', 'openmetrics'] as const, default: 'auto' as const })({
      summary: 'Format of the input; auto takes it for OpenMetrics when it ends with # EOF.',
    }),
    lint: Flags.boolean({
      summary: 'Look at conventions, not at the format alone.',
      default: true,
      allowNo: true,
    }),
    extended: Flags.boolean({ summary: 'Also show how many series each metric has.' }),
    ...jsonFlag,
    ...noColorFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CheckMetrics)
    const [{ checkMetrics, metricsJson, metricsText }, { stdoutScreen }, { writeJson }] = await Promise.all([
      import('../metrics-check.ts'),
      import('../screen.ts'),
      import('../output.ts'),
    ])
    const input = await readInput(args.file, process.stdin)
    const found = checkMetrics(input, { format: flags.format, lints: flags.lint })
    if (flags.json) writeJson(metricsJson(found, flags))
    else process.stdout.write(metricsText(found, flags, stdoutScreen(flags)))
    if (found.problems.length > 0) throw new Errors.ExitError(LINT_EXIT)
  }
}
