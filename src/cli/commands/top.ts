import { Command } from '@oclif/core/command'
import { gatewayFlags, jsonFlag, noColorFlag } from '../gateway-flags.ts'
import { liveFlags, paceOf } from '../live-flags.ts'
import { writeJsonLine } from '../output.ts'
import type { Look } from '../rates.ts'

export class Top extends Command {
  static override summary = 'Watch what a gateway is doing.'
  static override description =
    'Pushes, samples and refusals a second by protocol, and why pushes are refused, until q or Ctrl-C. In a pipe a line a look, fields between tabs: instant, pushes/s, samples/s, refused/s, series, groups, sets, ready or not. With --json each look is one line of JSON. Counts are those of the one gateway that answers: ask replicas one by one, not behind a balancer.'
  static override examples = [
    { description: 'Watch on a terminal', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Write down a minute',
      command: '<%= config.bin %> <%= command.id %> --interval=10s --count=7 --json > minute.ndjson',
    },
  ]
  static override flags = { ...liveFlags, ...gatewayFlags, ...jsonFlag, ...noColorFlag }

  async run(): Promise<void> {
    const { flags } = await this.parse(Top)
    const pace = paceOf(flags)
    const [
      { openGatewayApi },
      { openLive, takeTurns },
      { ratesOf },
      { topLine, topLines },
      { stdoutScreen },
    ] = await Promise.all([
      import('../gateway-api.ts'),
      import('../live.ts'),
      import('../rates.ts'),
      import('../top-text.ts'),
      import('../screen.ts'),
    ])
    const screen = stdoutScreen(flags)
    const live = openLive(screen)
    const api = openGatewayApi(flags, live.signal)
    let before: Look | undefined
    async function look(): Promise<void> {
      const status = await api.status()
      const after = { atMs: Date.now(), status }
      const rates = ratesOf(before, after)
      before = after
      if (flags.json) writeJsonLine(rates)
      else if (screen.isTerminal) live.draw(topLines(rates, api.url, stdoutScreen(flags)))
      else process.stdout.write(topLine(rates, screen))
    }
    try {
      await takeTurns(live, pace, look)
    } finally {
      live.close()
    }
  }
}
