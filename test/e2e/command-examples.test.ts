import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { COMMAND_IDS, examplesOf } from '../support/command-examples.ts'
import { freePort } from '../support/free-port.ts'
import { readBlocks } from '../support/page-commands.ts'
import { peer } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { ask, push } from './ask.ts'

const PAGE = fileURLToPath(new URL('../../docs/cli.md', import.meta.url))
const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

/** Programs that examples pipe into or out of; an example is not run where one of them is missing. */
const HELPERS = ['bash', 'curl', 'jq'] as const
/** In order with everything that `check redis` looks at. */
const GOOD_REDIS = ['appendonly yes', 'maxmemory 200mb']

const METRICS =
  '# HELP backup_duration_seconds How long it took.\n# TYPE backup_duration_seconds gauge\nbackup_duration_seconds 12\n'

const BACKUP = [
  '{"format":"pgr-export","version":1,"exported":"2026-01-01T00:00:00Z","from":"pgr"}',
  '{"kind":"group","labels":{"job":"backup"},"families":[{"name":"rows","type":"gauge","metrics":[{"value":1}]}]}',
  '{"end":true,"units":1}\n',
].join('\n')

let folder: string
let pgr: Pgr
let redis: RedisServer

beforeAll(async () => {
  folder = makeFolder('examples')
  redis = await startRedis({ directives: GOOD_REDIS })
  pgr = await startPgr({ flags: ['--web.enable-admin-api'] })
  const files: Record<string, string> = {
    'metrics.prom': METRICS,
    'backup-metrics.sh': `#!/bin/sh\ncat <<'END'\n${METRICS}END\n`,
    backup: '#!/bin/sh\n',
    'pushgw.yml': `redis:\n  endpoint: ${redis.url}\n`,
    'web.yml': 'http_server_config:\n  http2: false\n',
    'password.txt': 'hunter2\n',
    'backup.ndjson': BACKUP,
    'bin/pgr': `#!/bin/sh\nexec ${process.execPath} ${RUN} "$@"\n`,
  }
  mkdirSync(join(folder, 'bin'))
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), 0o755)
  }
})
afterAll(async () => {
  await pgr?.stop()
  await redis?.stop()
  removeFolder(folder)
})

beforeEach(async () => {
  await ask(pgr.url, '/api/v1/admin/wipe', { method: 'PUT' })
  await push(pgr.url, '/metrics/job/backup/instance/db1', METRICS)
})

/** Puts what the tests have where an example names what its reader has. */
function here(command: string): string {
  return command
    .replaceAll(/https:\/\/pgr\.example|http:\/\/collector:4318|http:\/\/pushgateway\.example:9091/g, pgr.url)
    .replaceAll('127.0.0.1:9753', `127.0.0.1:${pgr.port}`)
    .replaceAll(/(?:redis\.example|127\.0\.0\.1):6379/g, `127.0.0.1:${redis.port}`)
    .replaceAll('--interval=10s', '--interval=100ms')
}

/** What goes on until it is ended is ended after one look. */
function ending(command: string): string {
  return /^pgr (?:top|groups watch)\b/.test(command) && !command.includes('--count')
    ? `${command} --count=1`
    : command
}

function environment(): Record<string, string> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('PGR_'))
  return {
    ...(Object.fromEntries(clean) as Record<string, string>),
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    PGR_URL: pgr.url,
  }
}

function lacking(command: string): string | undefined {
  return HELPERS.find((name) => (name === 'bash' || command.includes(name)) && peer(name) === undefined)
}

/** Runs it as a shell does, with a line on standard input, to its end. */
async function run(command: string): Promise<void> {
  const script = `set -o pipefail; ${ending(here(command))}`
  const child = startChild({
    name: command,
    command: 'bash',
    args: ['-c', `printf 'hunter2\\n' | { ${script}\n}`],
    cwd: folder,
    env: environment(),
  })
  const { code } = await child.exited
  expect(code, child.output()).toBe(0)
}

/** Starts it, waits until it is ready, and stops it. */
async function serve(command: string): Promise<void> {
  const port = await freePort()
  const child = startChild({
    name: command,
    command: 'bash',
    args: ['-c', `exec ${here(command)} --web.listen-address=127.0.0.1:${port} --shutdown.drain-delay=0`],
    cwd: folder,
    env: environment(),
  })
  try {
    await child.until(
      'is ready',
      async () => (await ask(`http://127.0.0.1:${port}`, '/-/ready')).status === 200,
    )
  } finally {
    await child.stop()
  }
  expect(await child.exited).toEqual({ code: 0, signal: null })
}

describe('the page on the command line', () => {
  for (const { line, command } of readBlocks(readFileSync(PAGE, 'utf8')))
    it.skipIf(lacking(command) !== undefined)(`line ${line}: ${command.split('\n')[0]}`, () =>
      run(`set -e; ${command}`),
    )
})

describe.each(COMMAND_IDS)('the help of %s', (id) => {
  const examples = examplesOf(id)

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(1)
    expect(new Set(examples.map(({ description }) => description)).size).toBe(examples.length)
  })

  for (const { description, command } of examples)
    it.skipIf(lacking(command) !== undefined)(`${description}: ${command}`, () =>
      command.startsWith('pgr serve') ? serve(command) : run(command),
    )
})
