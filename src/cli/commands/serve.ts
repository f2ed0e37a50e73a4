import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from '@oclif/core/command'
import { readTextFile } from '../input.ts'
import { serveUntilStopped } from '../lifecycle.ts'
import { givenFlags, makeServerFlags } from '../server-flags.ts'

/** For what the server does after the last request, above all letting go of the store. */
const STOP_GRACE_MS = 5000

export class Serve extends Command {
  static override summary = 'Run the gateway.'
  static override description =
    'Takes pushes and answers scrapes until SIGTERM or SIGINT; SIGHUP reloads settings. Every setting is a flag here, a PGR_* variable, or a key of the configuration file; a flag wins over the environment, the environment over the file. Flags without any command mean this one.'
  static override usage = '<%= command.id %> [FLAGS]'
  static override examples = [
    { description: 'Keep everything in this process', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Share pushes with other replicas through Redis, for an hour each',
      command:
        '<%= config.bin %> <%= command.id %> --redis.endpoint=redis.example:6379 --redis.expiration=1h',
    },
    {
      description: 'Stand in for Prometheus Pushgateway',
      command: '<%= config.bin %> <%= command.id %> --compat=pushgateway --redis.expiration=0',
    },
    {
      description: 'Push to it',
      command: "echo 'up 1' | curl --data-binary @- http://127.0.0.1:9753/metrics/job/demo",
    },
  ]
  static override flags = makeServerFlags({ hidden: false })

  async run(): Promise<void> {
    const { flags } = await this.parse(Serve)
    const { resolveSettings } = await import('../../config/resolve.ts')
    const reread = () =>
      resolveSettings({ flags: givenFlags(flags), env: process.env, readFile: readTextFile })
    const { settings, origins, notices } = reread()
    const start =
      settings.workers === 1
        ? (await import('../../app.ts')).startServer
        : (await import('../../workers/index.ts')).startWorkers
    await serveUntilStopped({
      start: (requestStop) => start(settings, { origins, notices, requestStop, reread }),
      drainDelayMs: settings.shutdownDrainDelay,
      stopTimeoutMs: settings.shutdownTimeout + STOP_GRACE_MS,
      world: {
        onSignal: (signal, listener) => process.on(signal, listener),
        sleep: (ms) => sleep(ms),
        exit: (code) => process.exit(code),
      },
    })
  }
}
