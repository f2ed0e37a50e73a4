import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Child, makeFolder, removeFolder, startChild } from '../support/child.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { ask, push, scrape } from './ask.ts'

let folder: string
let file: string
const running: Child[] = []

beforeEach(() => {
  folder = makeFolder('persistence')
  file = join(folder, 'state')
})
afterEach(async () => {
  for (const child of running.splice(0)) await child.kill()
  removeFolder(folder)
})

async function start(...flags: string[]): Promise<Pgr> {
  const pgr = await startPgr({ flags: [`--persistence.file=${file}`, ...flags] })
  running.push(pgr)
  return pgr
}

async function fill({ url }: Pgr): Promise<void> {
  await push(
    url,
    '/metrics/job/a/instance/gr%C3%B6%C3%9Fe',
    '# TYPE x counter\n# HELP x Help.\nx{l="1"} 1\nx{l="2"} 2\n',
  )
  await push(url, '/metrics/job/b?ttl=0', '# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_sum 4.5\nh_count 3\n')
  await push(url, '/ingest', 'y{job="a",instance="i"} NaN 1700000000000\nz{l="loose"} -0\n', {
    headers: { 'x-pgr-ttl': '0' },
  })
  expect((await ask(url, '/metrics/job/b', { method: 'PUT', body: 'q 1 1700000000000\n' })).status).toBe(400)
}

describe('an embedded store in a file', () => {
  it('is whole after a stop', async () => {
    const first = await start()
    await fill(first)
    const page = await scrape(first.url)
    expect(page).toContain('push_failure_time_seconds')
    expect((await first.stop()).code).toBe(0)

    const second = await start()
    expect(await scrape(second.url)).toBe(page)
    expect(second.stderr()).toMatch(/msg="restored the store from its snapshot" file=\S+ units=4 series=/)
  })

  it('is as of the last snapshot after kill -9', async () => {
    const first = await start('--persistence.interval=100ms')
    await fill(first)
    await eventuallyHolds(() => expect(readFileSync(file, 'latin1')).toContain('loose'))
    const page = await scrape(first.url)
    // Killed while it writes one snapshot after the other.
    let pushed = 0
    const pushing = (async () => {
      for (; ; pushed++) await push(first.url, `/metrics/job/c/n/${pushed}`, `c ${pushed}\n`)
    })().catch(() => undefined)
    await eventually('some pushes', () => pushed > 300)
    await first.kill()
    await pushing

    const second = await start()
    const after = await scrape(second.url)
    for (const line of page.split('\n')) expect(after).toContain(line)
    expect(after.match(/^c\{/gm)?.length ?? 0).toBeLessThanOrEqual(pushed + 1)
  })

  it('is that of before where a kill left half a file', async () => {
    const first = await start()
    await fill(first)
    const page = await scrape(first.url)
    await first.stop()
    copyFileSync(file, `${file}.tmp`)
    writeFileSync(`${file}.tmp`, readFileSync(file).subarray(0, 100))
    const second = await start()
    expect(await scrape(second.url)).toBe(page)
    await push(second.url, '/metrics/job/d', 'd 1\n')
    await second.stop()
    expect(existsSync(`${file}.tmp`)).toBe(false)
  })

  it('that is damaged refuses the start and is left alone', async () => {
    const first = await start()
    await fill(first)
    await first.stop()
    const damaged = readFileSync(file)
    damaged.writeUInt8(damaged.readUInt8(99) ^ 4, 99)
    writeFileSync(file, damaged)
    const second = await startPgr({ flags: [`--persistence.file=${file}`], waitFor: 'nothing' })
    running.push(second)
    expect(await second.exited).toEqual({ code: 1, signal: null })
    expect(second.stderr()).toMatch(
      /^error: the snapshot \S+ is damaged: .*move it away to start with nothing stored\n$/m,
    )
    expect(readFileSync(file)).toEqual(damaged)
  })

  it('goes on where no more can be written, and says so', async () => {
    const port = await freePort()
    const flags = [`--persistence.file=${file}`, '--persistence.interval=100ms', '--shutdown.drain-delay=0s']
    const run = new URL('../../bin/run.js', import.meta.url).pathname
    // A limit on the size of files ends writing as a full disk does.
    const command = `ulimit -f 40; exec "$@"`
    const serve = ['serve', `--web.listen-address=127.0.0.1:${port}`, ...flags]
    const child = startChild({
      name: 'pgr',
      command: 'bash',
      args: ['-c', command, 'pgr', process.execPath, run, ...serve],
    })
    running.push(child)
    const url = `http://127.0.0.1:${port}`
    await child.until('is ready', async () => (await ask(url, '/-/ready')).status === 200)
    await push(url, '/metrics/job/small', 'small 1\n')
    await eventually('a snapshot', () => existsSync(file))
    const before = readFileSync(file)

    const noise = Array.from({ length: 4000 }, (_, n) => `x{l="${Math.sin(n)}"} ${Math.cos(n)}\n`).join('')
    await push(url, '/metrics/job/large', noise)
    const finding = async () => (await ask(url, '/telemetry')).text
    await eventuallyHolds(async () =>
      expect(await finding()).toContain('pgr_store_finding{finding="snapshot"} 0'),
    )
    expect(await finding()).toMatch(/pgr_store_snapshots_total\{outcome="failed"\} [1-9]/)
    expect(child.stderr()).toMatch(/level=warn msg="the snapshot \S+ cannot be written.*EFBIG/)
    expect(readFileSync(file)).toEqual(before)
    expect(existsSync(`${file}.tmp`)).toBe(false)
    expect(await scrape(url)).toContain('small{')

    expect((await ask(url, '/metrics/job/large', { method: 'DELETE' })).status).toBe(202)
    await push(url, '/metrics/job/small', 'small 2\n')
    await eventuallyHolds(async () =>
      expect(await finding()).toContain('pgr_store_finding{finding="snapshot"} 1'),
    )
    expect((await child.stop()).code).toBe(0)
    expect(await scrape((await start()).url)).toContain('small{instance="",job="small"} 2')
  })
})
