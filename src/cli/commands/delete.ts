import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { PgrError } from '../../errors/pgr-error.ts'
import { destroyFlags, gatewayFlags, jsonFlag } from '../gateway-flags.ts'

export class Delete extends Command {
  static override summary = 'Remove a group, or all groups and series sets with given labels.'
  static override description =
    'With --job and --group exactly that group goes, at this gateway and at Prometheus Pushgateway alike. With --match everything goes whose labels a selector selects, which the gateway allows with --web.enable-admin-api; it is counted first. Asks before it removes; where nobody can be asked, --yes has to stand.'
  static override examples = [
    {
      description: 'Remove the group of a machine that is no more',
      command: '<%= config.bin %> <%= command.id %> --job=backup --group=instance=db1 --yes',
    },
    {
      description: 'See what a selector would remove',
      command: '<%= config.bin %> <%= command.id %> --match=\'{instance=~"old-.*"}\' --dry-run',
    },
    {
      description: 'Remove it, and hear how much it was',
      command: '<%= config.bin %> <%= command.id %> --match=\'{instance=~"old-.*"}\' --yes --json',
    },
  ]
  static override flags = {
    job: Flags.string({
      char: 'j',
      summary: 'Job name of the group.',
      helpValue: '<name>',
      exclusive: ['match'],
    }),
    group: Flags.string({
      char: 'g',
      summary: 'Grouping label of the group; may be repeated, and all of them have to stand.',
      helpValue: '<name=value>',
      multiple: true,
      multipleNonGreedy: true,
      dependsOn: ['job'],
    }),
    match: Flags.string({
      char: 'm',
      summary: 'Selector of labels; may be repeated, and what any of them selects goes.',
      helpValue: '<selector>',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...destroyFlags,
    ...gatewayFlags,
    ...jsonFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Delete)
    const [{ openGatewayApi }, { matching, oneGroup }, { destroy }, { parseGroupLabel }] = await Promise.all([
      import('../gateway-api.ts'),
      import('../removal.ts'),
      import('../destroy.ts'),
      import('../../client/group-path.ts'),
    ])
    const api = openGatewayApi(flags)
    const { job, match } = flags
    if (job === undefined && match === undefined)
      throw new PgrError(
        'PGR_SETTING_INVALID',
        'nothing says what to remove: give --job and --group for one group, or --match for all that a selector selects',
      )
    const removal =
      job === undefined
        ? await matching(api, match ?? [])
        : await oneGroup(api, job, (flags.group ?? []).map(parseGroupLabel))
    await destroy(removal, 'yes', flags)
  }
}
