import * as Args from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { gatewayFlags, jsonFlag, noColorFlag } from '../gateway-flags.ts'
import { writeJson } from '../output.ts'

export class GroupsShow extends Command {
  static override summary = 'Show one group or series set with all its metrics.'
  static override description =
    'Names it by its labels or by the id that `groups list` gives. Labels need not be all of them where only one fits. In a pipe every line is a series, fields between tabs: family, type, series, value.'
  static override examples = [
    {
      description: 'See what a job pushed',
      command: '<%= config.bin %> <%= command.id %> job=backup',
    },
    {
      description: 'Only the metrics that are about time',
      command: '<%= config.bin %> <%= command.id %> job=backup instance=db1 --search=seconds',
    },
    {
      description: 'Ask why the last push was refused',
      command: '<%= config.bin %> <%= command.id %> job=backup instance=db1 --json | jq -r .failure_reason',
    },
  ]
  static override strict = false
  static override args = {
    labels: Args.string({
      description: 'Labels, name=value, or an id; several words for several labels.',
      required: true,
      // Standard input is no label.
      ignoreStdin: true,
    }),
  }
  static override flags = {
    kind: Flags.option({ options: ['group', 'set'] as const })({
      summary: 'Which of the two is meant when a group and a series set have the same labels.',
    }),
    search: Flags.string({
      char: 's',
      summary: 'Only metrics with this in their name.',
      helpValue: '<text>',
    }),
    samples: Flags.integer({
      summary: 'The most metrics to show of one name.',
      default: 100,
      min: 1,
      max: 1000,
      helpValue: '<n>',
    }),
    ...gatewayFlags,
    ...jsonFlag,
    ...noColorFlag,
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(GroupsShow)
    const [{ openGatewayApi, wholeGroup }, { findGroup }, { groupText }, { stdoutScreen }] =
      await Promise.all([
        import('../gateway-api.ts'),
        import('../find-group.ts'),
        import('../group-details.ts'),
        import('../screen.ts'),
      ])
    const api = openGatewayApi(flags)
    const id = await findGroup(api, argv.map(String), flags.kind)
    const group = await wholeGroup(api, id, [
      ['samples', String(flags.samples)],
      ...(flags.search === undefined ? [] : [['search', flags.search] as const]),
    ])
    if (flags.json) writeJson(group)
    else process.stdout.write(groupText(group, group.now, stdoutScreen(flags)))
  }
}
