import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder } from '../support/child.ts'
import { examplesOf } from '../support/command-examples.ts'
import { eventually } from '../support/eventually.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { startPushgateway } from '../support/start-pushgateway.ts'
import { type Recorder, runWords, startRecorder, valueIn, wrapped } from './job-rig.ts'

const sh = (script: string): string[] => ['sh', '-c', script]

let folder: string
let recorder: Recorder
beforeAll(async () => {
  folder = makeFolder('job-metrics')
  recorder = await startRecorder()
})
afterAll(() => {
  recorder.close()
  removeFolder(folder)
})

async function pageOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text()
}

/** Value of a series, its labels as they are written. */
function sample(page: string, series: string): number | undefined {
  const line = page.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

/** The same of every gateway that speaks the protocol of Pushgateway. */
function describeGateway(open: () => Promise<{ url: string; kill(): Promise<unknown> }>): void {
  let gateway: { url: string; kill(): Promise<unknown> }
  beforeAll(async () => {
    gateway = await open()
  })
  afterAll(async () => {
    await gateway?.kill()
  })
  const run = (flags: readonly string[], words: readonly string[]) =>
    runWords(wrapped(['--url', gateway.url, ...flags], words))

  it('shows how a run went, with help and type', async () => {
    const beforeSeconds = Date.now() / 1000
    await run(['--job=whole', '--group=instance=db1'], sh('echo "rows 7" > $PGR_METRICS_FILE'))
    const page = await pageOf(gateway.url)
    const of = (name: string) => sample(page, `pgr_job_${name}{instance="db1",job="whole"}`)
    expect([of('last_exit_code'), of('last_status'), of('running')]).toEqual([0, 1, 0])
    const [start = 0, end = 0] = [of('start_timestamp_seconds'), of('last_run_timestamp_seconds')]
    expect(beforeSeconds <= start && start <= end && end <= Date.now() / 1000).toBe(true)
    expect(of('last_success_timestamp_seconds')).toBe(end)
    expect(of('last_duration_seconds')).toBeGreaterThanOrEqual(0)
    expect(of('last_cpu_seconds')).toBeGreaterThanOrEqual(0)
    expect(sample(page, 'rows{instance="db1",job="whole"}')).toBe(7)
    const names = new Set([...page.matchAll(/^(pgr_job_\w+)\{/gm)].map(([, name]) => name ?? ''))
    expect(names.size).toBe(9)
    for (const name of names) {
      expect(page).toMatch(new RegExp(`^# HELP ${name} \\S.*\\.$`, 'm'))
      expect(page).toMatch(new RegExp(`^# TYPE ${name} gauge$`, 'm'))
    }
  })

  it('keeps the time of the last success while runs fail', async () => {
    await run(['--job=fails'], ['true'])
    const success = 'pgr_job_last_success_timestamp_seconds{instance="",job="fails"}'
    const first = sample(await pageOf(gateway.url), success)
    await run(['--job=fails'], sh('exit 3'))
    const page = await pageOf(gateway.url)
    expect(sample(page, success)).toBe(first)
    expect(sample(page, 'pgr_job_last_exit_code{instance="",job="fails"}')).toBe(3)
    expect(sample(page, 'pgr_job_last_status{instance="",job="fails"}')).toBe(0)
    expect(sample(page, 'pgr_job_last_run_timestamp_seconds{instance="",job="fails"}')).toBeGreaterThan(
      first ?? 0,
    )
  })

  it('shows that a run is under way', async () => {
    const go = join(folder, `go-${new URL(gateway.url).port}`)
    const running = 'pgr_job_running{instance="",job="long"}'
    await runWords(
      wrapped(['--url', gateway.url, '--job=long'], sh(`until [ -e ${go} ]; do sleep 0.05; done`)),
      {
        async during() {
          await eventually('it is shown', async () => sample(await pageOf(gateway.url), running) === 1)
          writeFileSync(go, '')
        },
      },
    )
    expect(sample(await pageOf(gateway.url), running)).toBe(0)
  })
}

describe('on this gateway, a job', () => {
  describeGateway(() => startPgr())
})

describeWith('pushgateway', 'on Pushgateway, a job', () => {
  describeGateway(() => startPushgateway())
})

describe('the metrics of a run', () => {
  async function bodies(flags: readonly string[], words: readonly string[]): Promise<readonly string[]> {
    const before = recorder.pushes.length
    await runWords(wrapped(['--url', recorder.url, ...flags], words))
    return recorder.pushes.slice(before).map(({ body }) => body)
  }

  it('go to the group of the command when none is named', async () => {
    await bodies([], ['/bin/true'])
    expect(recorder.pushes.at(-1)).toMatchObject({ method: 'POST', path: '/metrics/job/true' })
  })

  it('have other names with --prefix', async () => {
    const last = (await bodies(['--prefix=nightly'], ['true'])).at(-1) ?? ''
    expect(valueIn(last, 'nightly_last_exit_code')).toBe(0)
    expect(last).not.toContain('pgr_job')
  })

  it('say again and again that it runs with --heartbeat, and at last that it does not', async () => {
    const go = join(folder, 'go-heartbeat')
    const before = recorder.pushes.length
    const running = () => recorder.pushes.slice(before).map(({ body }) => valueIn(body, 'pgr_job_running'))
    const words = sh(`until [ -e ${go} ]; do sleep 0.02; done`)
    await runWords(wrapped(['--url', recorder.url, '--job=h', '--heartbeat=50ms'], words), {
      async during() {
        await eventually('there are some', () => running().length >= 4)
        writeFileSync(go, '')
      },
    })
    expect(
      running()
        .slice(0, -1)
        .every((value) => value === 1),
    ).toBe(true)
    expect(running().at(-1)).toBe(0)
  })

  it('stop at the end, whatever --heartbeat says', async () => {
    expect(
      (await bodies(['--heartbeat=1h'], ['true'])).map((body) => valueIn(body, 'pgr_job_running')),
    ).toEqual([1, 0])
  })

  describeWith('python3', 'on Linux', () => {
    const python = (script: string) => [peerOrThrow('python3').path, '-c', script]
    /** Prints what the operating system counted of this process and its children so far. */
    const BURN = `
import os, time
def burn():
    until = time.process_time() + 0.4
    while time.process_time() < until: pass
if os.fork() == 0:
    burn()
    os._exit(0)
os.wait()
burn()
print(sum(os.times()[:4]))
`

    it('have the processor time of a command and of what it waited for', async () => {
      const before = recorder.pushes.length
      const { stdout } = await runWords(wrapped(['--url', recorder.url], python(BURN)))
      const counted = Number(stdout.toString())
      const pushed = valueIn(recorder.pushes.slice(before).at(-1)?.body ?? '', 'pgr_job_last_cpu_seconds')
      expect(counted).toBeGreaterThan(0.75)
      // Two values in hundredths, and what Python takes to end.
      expect(pushed).toBeGreaterThanOrEqual(counted - 0.03)
      expect(pushed).toBeLessThan(counted + 0.5)
    })

    it.each([
      ['of a command', 'use(120)'],
      ['of the largest of what it started', 'os.fork() == 0 and (use(120), os._exit(0)); os.wait()'],
      ['that it had in between', 'use(120); use(1)'],
    ])('have the most memory %s', async (_what, script) => {
      // Given back at once, and long enough before the end to be looked at.
      const use =
        'import os, time\ndef use(mb):\n    x = bytearray(mb << 20); x[::4096] = b"1" * len(x[::4096])\n    time.sleep(3)\n'
      const last = (await bodies([], python(use + script))).at(-1) ?? ''
      const megabytes = (valueIn(last, 'pgr_job_last_max_rss_bytes') ?? 0) / 2 ** 20
      expect(megabytes).toBeGreaterThan(120)
      expect(megabytes).toBeLessThan(240)
    })
  })
})

describe('the examples of pgr push --help', () => {
  const commands = examplesOf('push')
    .map(({ command }) => command)
    .filter((command) => command.includes(' -- '))

  it('have jobs among them', () => {
    expect(commands.length).toBeGreaterThanOrEqual(2)
  })

  it.each(commands)('do what they say: %s', async (command) => {
    const words = command.split(' ')
    const at = words.indexOf('--')
    writeFileSync(join(folder, 'backup'), '#!/bin/sh\necho backed up "$@"\n', { mode: 0o755 })
    const before = recorder.pushes.length
    const flags = [...words.slice(2, at), '--url', recorder.url]
    const { code, stdout } = await runWords(wrapped(flags, words.slice(at + 1)), { cwd: folder })
    const args = words.slice(at + 2).map((word) => ` ${word}`)
    expect([code, stdout.toString()]).toEqual([
      0,
      command.includes('--quiet-on-success') ? '' : `backed up${args.join('')}\n`,
    ])
    expect(recorder.pushes.slice(before).at(-1)).toMatchObject({
      method: 'POST',
      path: '/metrics/job/backup',
    })
  })
})

describe('the two pushes of a job', () => {
  let pgr: Pgr
  beforeAll(async () => {
    pgr = await startPgr()
  })
  afterAll(async () => {
    await pgr?.kill()
  })

  it('come in order however short it is', async () => {
    for (let n = 0; n < 5; n++) {
      await runWords(wrapped(['--url', pgr.url, `--job=short-${n}`], ['true']))
      expect(sample(await pageOf(pgr.url), `pgr_job_running{instance="",job="short-${n}"}`)).toBe(0)
    }
  })

  it('are shown by --dry-run, and nothing is run or pushed', async () => {
    const touched = join(folder, 'touched')
    const flags = ['--url', pgr.url, '--job=dry', '--dry-run']
    const text = await runWords(wrapped(flags, ['touch', touched]))
    expect(text.stdout.toString()).toMatch(/^touch \S+\n/)
    expect(text.stdout.toString()).toContain('pgr_job_running 1\n')
    expect(text.stdout.toString()).toContain('pgr_job_running 0\n')
    const json = JSON.parse(
      (await runWords(wrapped([...flags, '--json'], ['touch', touched]))).stdout.toString(),
    )
    expect(json).toMatchObject({
      dryRun: true,
      command: ['touch', touched],
      started: { method: 'POST' },
      finished: { method: 'POST' },
    })
    expect((await runWords(['test', '-e', touched])).code).toBe(1)
    expect(await pageOf(pgr.url)).not.toContain('job="dry"')
  })
})
