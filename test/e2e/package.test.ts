import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Child, makeFolder, removeFolder, startChild } from '../support/child.ts'
import { freePort } from '../support/free-port.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { ask, samplesOf, scrape } from './ask.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const SCRIPTS = readdirSync(join(ROOT, 'src/store/redis/scripts')).filter((name) => name.endsWith('.lua'))

/** Compiling everything and fetching what the package depends on. */
const PATIENCE_MS = 240_000
/** What no package is made of; the rest of the checkout might get in by mistake, and must not. */
const LEFT_OUT = ['.git', 'node_modules', 'dist', 'coverage']

describe('the package', () => {
  let folder: string
  let prefix: string
  let empty: string
  let shipped: string[]

  /** Packs a copy, because packing builds from nothing what other tests are running. */
  beforeAll(async () => {
    folder = makeFolder('package')
    const [copy, packed] = ['copy', 'packed', 'prefix', 'empty'].map((name) => join(folder, name)) as [
      string,
      string,
    ]
    prefix = join(folder, 'prefix')
    empty = join(folder, 'empty')
    for (const each of [packed, prefix, empty]) mkdirSync(each)
    cpSync(ROOT, copy, { recursive: true, filter: (path) => !LEFT_OUT.includes(basename(path)) })
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))

    await npm(copy, 'pack', '--pack-destination', packed)
    const [tarball = ''] = readdirSync(packed)
    shipped = (await run('tar', ['-tzf', join(packed, tarball)], packed))
      .split('\n')
      .map((path) => path.replace(/^package\//, ''))
    await npm(
      empty,
      'install',
      '--global',
      `--prefix=${prefix}`,
      '--engine-strict',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--fetch-retries=1',
      join(packed, tarball),
    )
  }, PATIENCE_MS)
  afterAll(() => removeFolder(folder))

  it('holds what runs, and nothing it is made from or tested with', () => {
    expect(SCRIPTS.length).toBeGreaterThan(3)
    expect(shipped).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'LICENSE',
        'NOTICE',
        'bin/run.js',
        'dist/bundle/main.js',
        'dist/index.js',
        'dist/http/gate/password-thread.js',
        'dist/index.d.ts',
        'dist/page/index.html',
        'dist/page/index.html.gz',
        'dist/page/LICENSES.txt',
        'oclif.manifest.json',
        'proto/pgr/v1/family.proto',
        ...SCRIPTS.map((name) => `dist/store/redis/scripts/${name}`),
      ]),
    )
    const strange = /^(src|test|\.ci|\.github|node_modules)\/|(?<!\.d)\.ts$|(^|\/)\.|\.(tgz|log|tsbuildinfo)$/
    expect(shipped.filter((path) => strange.test(path))).toEqual([])
  })

  it('tells its version', async () => {
    expect(await pgr('--version')).toContain(version)
  })

  it('can be imported', async () => {
    const script = "const all = await import('pushgateway-redis'); console.log(typeof all)"
    const home = join(prefix, 'lib/node_modules/pushgateway-redis')
    expect(await run(process.execPath, ['--input-type=module', '-e', script], home)).toBe('object\n')
  })

  describe('that serves', () => {
    let redis: RedisServer
    let server: Child
    let url: string

    beforeAll(async () => {
      redis = await startRedis()
      const port = await freePort()
      url = `http://127.0.0.1:${port}`
      server = startChild({
        name: 'installed pgr',
        command: join(prefix, 'bin/pgr'),
        args: [
          'serve',
          `--redis.endpoint=${redis.url}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--shutdown.drain-delay=0',
        ],
        cwd: empty,
        env: cleanEnv(),
      })
      await server.until('is ready', async () => (await ask(url, '/-/ready')).status === 200)
    })
    afterAll(async () => {
      await server?.kill()
      await redis?.stop()
    })

    it('takes what it pushes itself, and leaves nothing behind where it runs', async () => {
      const file = join(folder, 'metrics.txt')
      writeFileSync(file, '# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n')
      expect(await pgr('push', file, `--url=${url}`, '--job=packed', '--group=instance=x')).toBe('')
      const merged = await ask(url, '/ingest', { method: 'POST', body: 'm{job="packed"} 1\n' })
      expect(merged.status).toBe(200)
      expect(samplesOf(await scrape(url))).toEqual([
        'h_bucket{instance="x",job="packed",le="+Inf"} 2',
        'h_sum{instance="x",job="packed"} 3',
        'h_count{instance="x",job="packed"} 2',
        'm{instance="",job="packed"} 1',
        expect.stringMatching(/^push_failure_time_seconds\{/),
        expect.stringMatching(/^push_time_seconds\{/),
      ])
      expect(readdirSync(empty)).toEqual([])
      expect((await server.stop()).code).toBe(0)
    })
  })

  function pgr(...args: string[]): Promise<string> {
    return run(join(prefix, 'bin/pgr'), args, empty)
  }
})

function npm(cwd: string, ...args: string[]): Promise<string> {
  return run('npm', args, cwd)
}

/** What it wrote to stdout; fails with everything it wrote unless it ends with 0. */
async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const child = startChild({ name: command, command, args, cwd, env: cleanEnv() })
  const { code, signal } = await child.exited
  if (code === 0) return child.stdout()
  throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${child.output()}`)
}

/** Settings of the person who runs the tests must not decide what they see. */
function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PGR_')))
}
