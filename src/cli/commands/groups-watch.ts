import { Command } from '@oclif/core/command'
import type { GroupRow } from '../../client/read-api.ts'
import { gatewayFlags, jsonFlag, noColorFlag } from '../gateway-flags.ts'
import { selectFlags, selectQuery, withDurations } from '../group-flags.ts'
import { liveFlags, paceOf } from '../live-flags.ts'
import { writeJsonLine } from '../output.ts'

export class GroupsWatch extends Command {
  static override summary = 'Watch groups and series sets come, change and go.'
  static override description =
    'On a terminal the table of `groups list`, what was pushed last at the top, until q or Ctrl-C. In a pipe a line for every change after the start, fields between tabs: instant, what happened (new, pushed, failed, gone), kind, labels, series, reason. With --json each of them is one line of JSON.'
  static override examples = [
    {
      description: 'Keep an eye on one job',
      command: '<%= config.bin %> <%= command.id %> --match=\'{job="backup"}\'',
    },
    {
      description: 'Write down what fails, for a minute',
      command:
        '<%= config.bin %> <%= command.id %> --failed --json --interval=10s --count=7 >> failures.ndjson',
    },
  ]
  static override flags = { ...selectFlags, ...liveFlags, ...gatewayFlags, ...jsonFlag, ...noColorFlag }

  async run(): Promise<void> {
    const { flags } = await this.parse(GroupsWatch, withDurations(this.argv))
    const query = selectQuery(flags)
    const pace = paceOf(flags)
    const [{ openGatewayApi }, { groupEvents }, { groupsTable }, { openLive, takeTurns }, { stdoutScreen }] =
      await Promise.all([
        import('../gateway-api.ts'),
        import('../group-changes.ts'),
        import('../groups-table.ts'),
        import('../live.ts'),
        import('../screen.ts'),
      ])
    const { eventText } = await import('../group-event-text.ts')
    const screen = stdoutScreen(flags)
    const live = openLive(screen)
    const api = openGatewayApi(flags, live.signal)

    async function draw(): Promise<void> {
      const page = await api.groups([
        ...query,
        ['sort', 'last_push'],
        ['order', 'desc'],
        ['limit', String(Math.max(1, process.stdout.rows || screen.height))],
      ])
      const { groups, sets, series } = page.total
      const head = `${page.matching} of ${groups} groups and ${sets} series sets with ${series} series at ${api.url}`
      const current = stdoutScreen(flags)
      live.draw([head, '', ...groupsTable(page.groups, page.now, current).trimEnd().split('\n')])
    }

    let before: ReadonlyMap<string, GroupRow> | undefined
    async function tell(): Promise<void> {
      const page = await api.allGroups(query)
      const events = before === undefined ? [] : groupEvents(before, page.groups, page.now)
      before = new Map(page.groups.map((group) => [group.id, group]))
      for (const event of events) {
        if (flags.json) writeJsonLine(event)
        else process.stdout.write(eventText(event, screen))
      }
    }

    try {
      await takeTurns(live, pace, screen.isTerminal && !flags.json ? draw : tell)
    } finally {
      live.close()
    }
  }
}
