import * as Args from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import { jsonFlag } from '../gateway-flags.ts'
import { readTextFile } from '../input.ts'
import { writeJson, writeLine } from '../output.ts'

export class CheckWebConfig extends Command {
  static override summary = 'Check a web configuration file.'
  static override description =
    'Reads a file for --web.config.file, and the certificates and keys it names, and says what is wrong or what it sets up. The format is that of Prometheus and its exporters.'
  static override examples = [
    {
      description: 'Check a file before it is rolled out',
      command: '<%= config.bin %> <%= command.id %> web.yml',
    },
    {
      description: 'Ask when the certificate expires',
      command: '<%= config.bin %> <%= command.id %> web.yml --json | jq -r .tls.expires',
    },
  ]
  static override args = {
    file: Args.string({
      description: 'Web configuration file.',
      required: true,
      // Standard input is not a file name.
      ignoreStdin: true,
    }),
  }
  static override flags = { ...jsonFlag }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CheckWebConfig)
    const { loadWebConfig } = await import('../../config/web/load.ts')
    const { tls, http2, headers, users, rateLimit, notices } = loadWebConfig(args.file, readTextFile)
    if (flags.json) {
      writeJson({
        valid: true,
        tls:
          tls === undefined
            ? null
            : {
                expires: tls.expiresAt.toISOString(),
                clientAuth: tls.clientAuth,
                allowedSans: tls.allowedSans ?? null,
                minVersion: tls.minVersion,
                maxVersion: tls.maxVersion,
              },
        http2: tls !== undefined && http2,
        users: [...users.keys()],
        headers: Object.fromEntries(headers),
        rateLimit: rateLimit ?? null,
        notices: notices.map(({ message }) => message),
      })
      return
    }
    for (const { message } of notices) writeLine(process.stderr, `warning: ${message}`)
    const lines: [what: string, how: string][] = [
      ['TLS', tls === undefined ? 'off' : `${tls.minVersion} to ${tls.maxVersion}`],
      ['certificate', tls === undefined ? 'none' : `valid until ${tls.expiresAt.toISOString()}`],
      ['client certificates', tls?.clientAuth ?? 'NoClientCert'],
      ['HTTP/2', tls !== undefined && http2 ? 'on' : 'off'],
      ['users', [...users.keys()].join(', ') || 'none'],
      ['headers', [...headers.keys()].join(', ') || 'none'],
      [
        'rate limit',
        rateLimit === undefined
          ? 'none'
          : `a request every ${rateLimit.intervalMs} ms, ${rateLimit.burst} at once`,
      ],
    ]
    for (const [what, how] of lines) writeLine(process.stdout, `${what.padEnd(20)} ${how}`)
  }
}
