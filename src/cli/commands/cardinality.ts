import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { gatewayFlags, jsonFlag, noColorFlag } from '../gateway-flags.ts'
import { writeJson } from '../output.ts'

export class Cardinality extends Command {
  static override summary = 'Show what the series are spent on.'
  static override description =
    'The metrics, labels, jobs and pairs of label and value with the most series. In a pipe every line is one of them, fields between tabs: what it is (metric, label, job, pair, value), its name, series, and what else is known of it.'
  static override examples = [
    { description: 'The five largest of each', command: '<%= config.bin %> <%= command.id %> --limit=5' },
    {
      description: 'Which values a label has, in one job',
      command: '<%= config.bin %> <%= command.id %> --label=instance --match=\'{job="backup"}\'',
    },
    {
      description: 'The jobs alone',
      command: '<%= config.bin %> <%= command.id %> --by=job',
    },
  ]
  static override flags = {
    by: Flags.option({ options: ['metric', 'label', 'job', 'pair', 'value'] as const })({
      summary: 'Only these.',
    }),
    label: Flags.string({ char: 'l', summary: 'Also the values of this label.', helpValue: '<name>' }),
    match: Flags.string({
      char: 'm',
      summary: 'Only groups and series sets that this selector selects; may be repeated.',
      helpValue: '<selector>',
      multiple: true,
      multipleNonGreedy: true,
    }),
    limit: Flags.integer({
      summary: 'The most of each.',
      default: 10,
      min: 1,
      max: 1000,
      helpValue: '<n>',
    }),
    ...gatewayFlags,
    ...jsonFlag,
    ...noColorFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Cardinality)
    const [{ openGatewayApi }, { cardinalityText }, { stdoutScreen }] = await Promise.all([
      import('../gateway-api.ts'),
      import('../cardinality-text.ts'),
      import('../screen.ts'),
    ])
    const found = await openGatewayApi(flags).cardinality([
      ['limit', String(flags.limit)],
      ...(flags.match ?? []).map((selector) => ['match[]', selector] as const),
      ...(flags.label === undefined ? [] : [['label', flags.label] as const]),
    ])
    if (flags.json) writeJson(found)
    else process.stdout.write(cardinalityText(found, flags, stdoutScreen(flags)))
  }
}
