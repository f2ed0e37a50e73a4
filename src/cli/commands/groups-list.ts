import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { gatewayFlags, jsonFlag, noColorFlag } from '../gateway-flags.ts'
import { selectFlags, selectQuery, withDurations } from '../group-flags.ts'
import { writeJson, writeLine } from '../output.ts'

const DEFAULT_LIMIT = 100

export class GroupsList extends Command {
  static override summary = 'List what is stored: groups and series sets.'
  static override description =
    'A group is what was pushed under one job and grouping labels; a series set is what was merged for one job and instance. In a pipe every line is one of them, fields between tabs: id, kind, labels, series, families, protocol, last push, expiry, state.'
  static override examples = [
    {
      description: 'Look at what was pushed last',
      command: '<%= config.bin %> <%= command.id %> --sort=last_push --order=desc --limit=20',
    },
    {
      description: 'Find jobs that have not run for a day',
      command: '<%= config.bin %> <%= command.id %> --stale=1d --match=\'{job=~"backup.*"}\'',
    },
    {
      description: 'Alert from a script on pushes that were refused',
      command: "<%= config.bin %> <%= command.id %> --failed --json | jq -r '.groups[].failure_reason'",
    },
    {
      description: 'Count the series of every group there is',
      command:
        "<%= config.bin %> <%= command.id %> --all | awk -F'\\t' '{ sum += $4 } END { print sum + 0 }'",
    },
  ]
  static override flags = {
    ...selectFlags,
    sort: Flags.option({ options: ['labels', 'last_push', 'expires', 'series'] as const })({
      summary: 'What to sort by. [default: labels]',
    }),
    order: Flags.option({ options: ['asc', 'desc'] as const })({ summary: 'Which way. [default: asc]' }),
    limit: Flags.integer({
      summary: 'The most to list.',
      default: DEFAULT_LIMIT,
      min: 1,
      max: 1_000_000,
      helpValue: '<n>',
    }),
    all: Flags.boolean({ summary: 'List all of them.', exclusive: ['limit'] }),
    ...gatewayFlags,
    ...jsonFlag,
    ...noColorFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(GroupsList, withDurations(this.argv))
    const [{ openGatewayApi }, { groupsTable }, { stdoutScreen }] = await Promise.all([
      import('../gateway-api.ts'),
      import('../groups-table.ts'),
      import('../screen.ts'),
    ])
    const query: [string, string][] = selectQuery(flags).map(([name, value]) => [name, value])
    if (flags.sort !== undefined) query.push(['sort', flags.sort])
    if (flags.order !== undefined) query.push(['order', flags.order])
    const page = await openGatewayApi(flags).allGroups(query, flags.all ? undefined : flags.limit)
    if (flags.json) {
      const { now, total, matching, groups } = page
      writeJson({ now, total, matching, groups })
      return
    }
    const screen = stdoutScreen(flags)
    process.stdout.write(groupsTable(page.groups, page.now, screen))
    const shown = page.groups.length
    if (screen.isTerminal)
      writeLine(
        process.stderr,
        shown < page.matching
          ? `${shown} of ${page.matching}; --all shows the rest`
          : `${shown} of ${page.total.groups + page.total.sets} stored, ${page.total.series} series in all`,
      )
  }
}
