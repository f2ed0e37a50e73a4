import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import {
  hasEnded,
  type Recorder,
  runWords,
  type Seen,
  type Surroundings,
  startRecorder,
  valueIn,
  visible,
  wrapped,
} from './job-rig.ts'

let folder: string
let gateway: Recorder
const closing: (() => void)[] = []

beforeAll(async () => {
  folder = makeFolder('job')
  gateway = await startRecorder()
  writeFileSync(join(folder, 'no-program'), 'true\n')
  mkdirSync(join(folder, 'directory'))
  writeFileSync(join(folder, 'no-shebang'), 'echo "$0" "$@"; exit 5\n')
  chmodSync(join(folder, 'no-shebang'), 0o755)
  writeFileSync(join(folder, 'no-interpreter'), '#!/no/such/interpreter\n')
  chmodSync(join(folder, 'no-interpreter'), 0o755)
})
afterEach(() => {
  for (const close of closing.splice(0)) close()
})
afterAll(() => {
  gateway.close()
  removeFolder(folder)
})

const sh = (script: string, ...args: string[]): string[] => ['sh', '-c', script, 'sh', ...args]

const TEN_MB = Buffer.alloc(10_000_000, 'all the bytes there are \x00\xff\r\n', 'latin1')

describe('a command that pgr runs', () => {
  const cases: [what: string, words: () => string[], surroundings?: Surroundings][] = [
    ['says nothing and succeeds', () => ['true']],
    ['fails', () => sh('exit 42')],
    ['writes to both, without a line end', () => sh('printf out; printf err >&2; exit 255')],
    [
      'gets words that look like ours',
      () => sh('printf "%s|" "$@"', '--job', 'b', '--', 'ls', '-l', '--job', 'b', '--json', '-h', '--help'),
    ],
    [
      'gets words with spaces, quotes, line ends and none at all',
      () => sh('printf "%s|" "$@"', 'a b', '', "it's", '"', 'x\ny', '$HOME', '*', 'ü€😀'),
    ],
    ['is given as ls -l', () => ['ls', '-l', '--job', 'b', '--json'], { cwd: '/' }],
    ['reads ten megabytes', () => ['sha256sum'], { input: TEN_MB }],
    ['gives ten megabytes back', () => ['cat'], { input: TEN_MB }],
    ['reads nothing of ten megabytes', () => sh('exec <&-; echo closed'), { input: TEN_MB }],
    ['reads a part of ten megabytes', () => ['head', '-c', '1000'], { input: TEN_MB }],
    ['closes its output', () => sh('exec >&- 2>&-; exit 3')],
    ['ends by SIGTERM', () => sh('kill -TERM $$')],
    ['ends by SIGKILL', () => sh('echo before; kill -KILL $$')],
    ['ends by SIGHUP', () => sh('kill -HUP $$')],
    ['ends by SIGPIPE', () => sh('kill -PIPE $$')],
    ['ends by SIGUSR1', () => sh('kill -USR1 $$')],
    ['ends by SIGALRM', () => sh('kill -ALRM $$')],
    ['is killed by the reader of its output', () => sh('yes | head -n 1')],
    ['outlived by what holds its output', () => sh('(sleep 0.3; echo later) & echo now')],
    ['has a script without a first line for it', () => [join(folder, 'no-shebang'), 'a', 'b']],
    [
      'sees the folder and the environment',
      () => sh('pwd; echo "$GREETING"; umask'),
      { cwd: '/usr', env: { GREETING: 'grüß dich' } },
    ],
    [
      'hears SIGTERM and goes on',
      () => sh('trap "echo heard; exit 7" TERM; echo ready; while :; do sleep 0.05; done'),
      kill('SIGTERM'),
    ],
    [
      'hears SIGINT',
      () => sh('trap "echo heard; exit 7" INT; echo ready; while :; do sleep 0.05; done'),
      kill('SIGINT'),
    ],
    [
      'hears SIGHUP',
      () => sh('trap "echo heard; exit 7" HUP; echo ready; while :; do sleep 0.05; done'),
      kill('SIGHUP'),
    ],
    [
      'hears SIGQUIT',
      () => sh('trap "echo heard; exit 7" QUIT; echo ready; while :; do sleep 0.05; done'),
      kill('SIGQUIT'),
    ],
    [
      'hears SIGUSR1',
      () => sh('trap "echo heard; exit 7" USR1; echo ready; while :; do sleep 0.05; done'),
      kill('SIGUSR1'),
    ],
    [
      'hears SIGUSR2',
      () => sh('trap "echo heard; exit 7" USR2; echo ready; while :; do sleep 0.05; done'),
      kill('SIGUSR2'),
    ],
    ['is ended by SIGTERM', () => sh('echo ready; exec sleep 60'), kill('SIGTERM')],
    ['is ended by SIGINT', () => sh('echo ready; exec sleep 60'), kill('SIGINT')],
  ]

  it.each(cases)('is seen as without it when it %s', async (_what, words, surroundings = {}) => {
    const bare = await runWords(words(), surroundings)
    const under = await runWords(wrapped(['--job=a', '--url', gateway.url], words()), surroundings)
    expect(visible(under)).toEqual(visible(bare))
    expect(under.said).toEqual([])
  })

  it.each([
    ['is not there', () => ['no-such-command'], 127],
    ['is not there, with a path', () => [join(folder, 'absent')], 127],
    ['has an interpreter that is not there', () => [join(folder, 'no-interpreter')], 127],
    ['is no program', () => [join(folder, 'no-program')], 126],
    ['is a directory', () => [join(folder, 'directory')], 126],
    ['lies below a file', () => [join(folder, 'no-program/x')], 126],
  ])('ends as a shell does it, and says why, when it %s', async (_what, words, code) => {
    const bare = await runWords(sh('exec "$@"', ...words()))
    // Shells do not agree about what lies below a file; env does as pgr.
    const env = await runWords(['env', ...words()])
    const before = gateway.pushes.length
    const under = await runWords(wrapped(['--job=a', '--url', gateway.url], words()))
    expect([under.code, env.code]).toEqual([code, code])
    if (code === 127 || !words()[0]?.endsWith('/x')) expect(bare.code).toBe(code)
    expect([under.stdout.length, under.said.length]).toEqual([0, 1])
    expect(under.said[0]).toContain(words()[0])
    const pushed = gateway.pushes.slice(before)
    expect(pushed).toHaveLength(1)
    expect(valueIn(pushed[0]?.body ?? '', 'pgr_job_last_exit_code')).toBe(code)
  })

  it('leaves no memory image of pgr behind, but the code of one that ended by SIGQUIT or SIGABRT', async () => {
    for (const [signal, code] of [
      ['QUIT', 131],
      ['ABRT', 134],
    ] as const) {
      const under = await runWords(
        wrapped(['--job=a', '--url', gateway.url], sh(`ulimit -c 0; kill -${signal} $$`)),
      )
      expect([under.code, under.signal]).toEqual([code, null])
    }
  })

  it('is ended by SIGPIPE when nobody reads its output any more', async () => {
    const [bare, under] = [['yes'], wrapped(['--job=a', '--url', gateway.url], ['yes'])].map((words) =>
      runWords(sh('{ "$@"; echo "ended with $?" >&2; } | head -n 1', ...words)),
    )
    expect(visible((await under) as Seen)).toEqual(visible((await bare) as Seen))
    expect((await under)?.stderr.toString()).toBe('ended with 141\n')
  })

  it('is not run with words that pgr would change', async () => {
    const script = `${wrapped(['--job=a', '--url', gateway.url], ['printf'])
      .map((word) => `'${word}'`)
      .join(' ')} "$(printf 'a\\377')"`
    const { code, stdout, stderr } = await runWords(sh(script))
    expect([code, stdout.length, stderr.toString()]).toEqual([2, 0, expect.stringContaining('not UTF-8')])
  })

  const alone = ['unshare', '--pid', '--fork', '--mount-proc']
  const canBeFirst = spawnSync('unshare', [...alone.slice(1), 'true']).status === 0
  it.runIf(canBeFirst).each([
    ['exit 4', 4],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
    ['sleep 1000 & exit 5', 5],
  ])('ends with its code as the first process of a container: %s', async (script, code) => {
    const under = await runWords([...alone, ...wrapped(['--job=a', '--url', gateway.url], sh(script))])
    expect([under.code, under.said]).toEqual([code, []])
  })

  it('is not run when the command line is wrong', async () => {
    const touched = join(folder, 'touched')
    for (const flags of [
      ['--job='],
      ['--url=ftp://x'],
      ['--group=a'],
      ['--ttl=soon'],
      ['--time-limit=x'],
      ['--heartbeat=0'],
      ['--prefix=0'],
      ['--replace'],
      ['--json'],
      ['file'],
      ['--kill-after=1s'],
      ['--protocol=otlp'],
      ['--time-limit=30d'],
      ['--nonsense'],
    ]) {
      const under = await runWords(wrapped(['--job=a', ...flags], ['touch', touched]))
      expect([flags, under.code, under.stderr.toString() + under.stdout.toString()]).toEqual([
        flags,
        2,
        expect.stringMatching(/^error: .+\n$|"PGR_SETTING_INVALID"/),
      ])
    }
    expect((await runWords(wrapped(['--job=a'], []))).code).toBe(2)
    expect(() => readFileSync(touched)).toThrow()
  })
})

function kill(signal: NodeJS.Signals): Surroundings {
  return {
    async during(child, output) {
      await eventually('it is ready', () => output().includes('ready'))
      child.kill(signal)
    },
  }
}

describe('a gigabyte of output', () => {
  const GIGABYTE = 1_000_000_000
  const words = sh(`head -c ${GIGABYTE} /dev/zero; exit 3`)

  /** Counts what comes, and keeps none of it. */
  function drain(line: readonly string[]): Promise<{ code: number | null; bytes: number; peak: number }> {
    const [file = '', ...args] = line
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let bytes = 0
    let peak = 0
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (peak === 0 || bytes % 64 === 0) peak = Math.max(peak, peakOf(child.pid ?? 0))
    })
    return new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, bytes, peak }))
    })
  }
  function peakOf(pid: number): number {
    try {
      return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
    } catch {
      return 0
    }
  }

  it.each([
    ['goes past pgr', []],
    ['is kept back in a file until the command has failed', ['--quiet-on-success']],
  ])('%s', async (_what, flags) => {
    const idle = await drain(wrapped(['--job=a', '--url', gateway.url, ...flags], sh('echo x; exit 3')))
    const { code, bytes, peak } = await drain(wrapped(['--job=a', '--url', gateway.url, ...flags], words))
    expect([code, bytes]).toEqual([3, GIGABYTE])
    expect(peak - idle.peak).toBeLessThan(64 * 1024 * 1024)
  })
})

describe('--quiet-on-success', () => {
  const run = (script: string) =>
    runWords(wrapped(['--job=a', '--url', gateway.url, '--quiet-on-success'], sh(script)))

  it('shows nothing of a command that succeeds', async () => {
    const { code, stdout, stderr } = await run('echo out; echo err >&2')
    expect([code, stdout.length, stderr.length]).toEqual([0, 0, 0])
  })

  it.each(['exit 9', 'kill -TERM $$'])('shows all of one that ends with %s', async (end) => {
    const script = `printf 'a\\000b'; printf err >&2; printf c; ${end}`
    expect(visible(await run(script))).toEqual(visible(await runWords(sh(script))))
  })

  it('is not shown to somebody who does not look, after a signal', async () => {
    const words = wrapped(
      ['--job=a', '--url', gateway.url, '--quiet-on-success'],
      sh('head -c 10000000 /dev/zero; exit 1'),
    )
    const [file = '', ...args] = words
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.stdout.once('readable', () => child.kill('SIGINT'))
    expect(await ended).toBe(1)
    child.stdout.destroy()
  })

  it('waits for nobody who still writes', async () => {
    const seen = await run('(sleep 60 & echo $! >&2); echo out; exit 1')
    process.kill(Number(seen.stderr.toString()), 'SIGKILL')
    expect([seen.code, seen.stdout.toString()]).toEqual([1, 'out\n'])
  })
})

describe('a gateway that is away', () => {
  const script = 'echo out; exit 0'

  /** Takes connections, and answers nothing. */
  async function startSilent(): Promise<string> {
    const sockets = new Set<{ destroy(): void }>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
    })
    const port = await freePort()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    closing.push(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return `http://127.0.0.1:${port}`
  }

  it.each([
    ['refuses connections', async () => `http://127.0.0.1:${await freePort()}`],
    ['never answers', startSilent],
  ])('changes nothing and costs no more than the budget when it %s', async (_what, url) => {
    const startedMs = performance.now()
    const under = await runWords(
      wrapped(['--job=a', '--url', await url(), '--push-budget=1s', '--retry=100'], sh(script)),
    )
    expect(visible(under)).toEqual(visible(await runWords(sh(script))))
    expect(under.said).toEqual([
      expect.stringContaining('warning: the metrics of this run were not pushed: '),
    ])
    expect(under.said[0]).toContain('--push-budget')
    // What a busy machine adds to starting two programs, and nothing near the ten seconds of --timeout.
    expect(performance.now() - startedMs).toBeLessThan(8000)
  })

  it('does not keep the command waiting at its start', async () => {
    const url = await startSilent()
    let atOutputMs = Number.POSITIVE_INFINITY
    const under = await runWords(
      wrapped(['--job=a', '--url', url, '--push-budget=500ms'], sh('echo ready')),
      {
        async during(_child, output) {
          await eventually('it ran', () => output().includes('ready'), Boolean, { intervalMs: 5 })
          atOutputMs = performance.now()
        },
      },
    )
    // The command was through before the push beside it was given up.
    expect(under.code).toBe(0)
    expect(performance.now() - atOutputMs).toBeGreaterThan(400)
  })

  it('fails a command that succeeded with --strict-push, and only that', async () => {
    const flags = ['--job=a', `--url=http://127.0.0.1:${await freePort()}`, '--strict-push', '--retry=0']
    expect((await runWords(wrapped(flags, sh('exit 0')))).code).toBe(1)
    expect((await runWords(wrapped(flags, sh('exit 5')))).code).toBe(5)
    expect((await runWords(wrapped(flags, sh('kill -TERM $$')))).signal).toBe('SIGTERM')
  })

  it.each([
    ['401 is about credentials', 401, 4],
    ['503 is for later', 503, 75],
    ['404 is a failure', 404, 1],
  ])('with --strict-push, %s', async (_what, status, code) => {
    const away = await startRecorder(() => status)
    closing.push(away.close)
    expect(
      (await runWords(wrapped(['--job=a', '--url', away.url, '--strict-push', '--retry=0'], ['true']))).code,
    ).toBe(code)
  })

  it('is not waited for after a signal', async () => {
    const url = await startSilent()
    const under = await runWords(
      wrapped(['--job=a', '--url', url, '--push-budget=10m', '--timeout=10m'], sh('echo ready')),
      {
        async during(child, output) {
          await eventually('it ran', () => output().includes('ready'))
          // Which may still be before its end is noticed, and then is passed on to nobody.
          const again = setInterval(() => child.kill('SIGINT'), 100)
          child.once('exit', () => clearInterval(again))
        },
      },
    )
    expect(under.code === 0 || under.signal === 'SIGINT').toBe(true)
    expect(under.said[0]).toContain('given up after a signal')
  })

  it('is no reason not to run, and neither is a password that cannot be read', async () => {
    const under = await runWords(
      wrapped(['--job=a', '--user=me', `--password-file=${folder}/absent`], sh(script)),
    )
    expect(visible(under)).toEqual(visible(await runWords(sh(script))))
    expect(under.said[0]).toContain('password cannot be read')
  })
})

describe('what a command writes to PGR_METRICS_FILE', () => {
  /** Bodies that were pushed at the end, and what pgr said. */
  async function run(script: string, to = gateway) {
    const before = to.pushes.length
    const { code, said } = await runWords(wrapped(['--job=a', '--url', to.url], sh(script)))
    expect(code).toBe(0)
    const bodies = to.pushes.slice(before).map(({ body }) => body)
    return { said, last: bodies.at(-1) ?? '', bodies }
  }

  it.each([
    ['text', 'echo "rows 7" > $PGR_METRICS_FILE', 'rows 7\n'],
    [
      'OpenMetrics',
      'printf "# TYPE rows counter\\nrows_total 7\\n# EOF\\n" > $PGR_METRICS_FILE',
      'rows_total 7\n# EOF\n',
    ],
    [
      'a file moved into its place',
      'echo "rows 7" > $PGR_METRICS_FILE.new; mv $PGR_METRICS_FILE.new $PGR_METRICS_FILE',
      'rows 7\n',
    ],
  ])('is pushed with the rest: %s', async (_what, script, end) => {
    const { said, last } = await run(script)
    expect(said).toEqual([])
    expect(last.endsWith(end)).toBe(true)
    expect(valueIn(last, 'pgr_job_last_exit_code')).toBe(0)
  })

  it.each([
    ['cut off', 'printf "rows 7" > $PGR_METRICS_FILE', 'no newline'],
    ['broken', 'echo "rows {" > $PGR_METRICS_FILE', 'PGR_METRICS_FILE: '],
    ['dated', 'echo "rows 1 1700000000000" > $PGR_METRICS_FILE', 'timestamp'],
    ['huge', 'head -c 20000000 /dev/zero > $PGR_METRICS_FILE', 'more than 16777216 bytes'],
    ['sparse and huge', 'truncate -s 1T $PGR_METRICS_FILE', 'more than 16777216 bytes'],
    ['a pipe', 'rm $PGR_METRICS_FILE; mkfifo $PGR_METRICS_FILE', 'no file'],
    ['a link', 'ln -sf /etc/hostname $PGR_METRICS_FILE', 'symbolic link'],
    ['a folder', 'rm $PGR_METRICS_FILE; mkdir $PGR_METRICS_FILE', 'no file'],
    ['of our own names', 'echo "pgr_job_last_exit_code 0" > $PGR_METRICS_FILE', '--prefix'],
  ])('is told of and left out when it is %s', async (_what, script, why) => {
    const { said, last } = await run(script)
    expect(said).toEqual([
      expect.stringContaining('warning: what the command wrote is left out of the push: '),
    ])
    expect(said[0]).toContain(why)
    expect(valueIn(last, 'pgr_job_last_status')).toBe(1)
    expect(last).not.toContain('rows')
  })

  it.each([
    ['nothing', ':'],
    ['no file any more', 'rm $PGR_METRICS_FILE'],
  ])('is not missed: %s', async (_what, script) => {
    const { said, last } = await run(script)
    expect([said, valueIn(last, 'pgr_job_last_status')]).toEqual([[], 1])
  })

  it('is left out when a gateway refuses it, and only that', async () => {
    const strict = await startRecorder((body) => (body.includes('rows') ? 400 : 200))
    closing.push(strict.close)
    const { said, last, bodies } = await run('echo "rows 7" > $PGR_METRICS_FILE', strict)
    expect(said).toEqual([
      expect.stringContaining('left out of the push: the gateway refused the push (400)'),
    ])
    expect(bodies.filter((body) => body.includes('rows'))).toHaveLength(1)
    expect(valueIn(last, 'pgr_job_last_status')).toBe(1)
  })

  it('is its own for each run, private and gone afterwards', async () => {
    const look = () =>
      runWords(
        wrapped(
          ['--job=a', '--url', gateway.url],
          sh(
            'stat -c "%a %s" "$(dirname "$PGR_METRICS_FILE")" "$PGR_METRICS_FILE"; echo "$PGR_METRICS_FILE"',
          ),
        ),
      )
    const [first, second] = [await look(), await look()].map(({ stdout }) => stdout.toString().split('\n'))
    expect([first?.[0]?.split(' ')[0], first?.[1]]).toEqual(['700', '600 0'])
    expect(first?.[2]).not.toBe(second?.[2])
    expect(() => readFileSync(first?.[2] ?? '')).toThrow()
  })

  it('has no place where no file can be made, which is told of', async () => {
    const flags = ['--job=a', '--url', gateway.url, '--quiet-on-success']
    const { code, stdout, said } = await runWords(
      wrapped(flags, sh('printenv PGR_METRICS_FILE || echo none')),
      {
        env: { TMPDIR: join(folder, 'absent') },
      },
    )
    expect([code, stdout.toString(), said.length]).toEqual([0, 'none\n', 1])
  })
})

describe('--time-limit', () => {
  const limited = (flags: readonly string[], script: string) =>
    runWords(wrapped(['--job=a', '--url', gateway.url, ...flags], sh(script)))

  it('lets a command be that ends in time', async () => {
    expect((await limited(['--time-limit=1m'], 'exit 3')).code).toBe(3)
  })

  it('ends one that does not, and what it started', async () => {
    const seen = await limited(['--time-limit=300ms'], 'sleep 60 & echo $!; wait; echo not reached')
    expect(seen.code).toBe(124)
    expect(hasEnded(Number(seen.stdout.toString()))).toBe(true)
    expect(valueIn(gateway.pushes.at(-1)?.body ?? '', 'pgr_job_last_exit_code')).toBe(124)
  })

  it('waits for it to end well, and reports 124 all the same', async () => {
    const seen = await limited(
      ['--time-limit=300ms'],
      'trap "echo ended well; exit 0" TERM; while :; do sleep 0.05; done',
    )
    expect([seen.code, seen.stdout.toString()]).toEqual([124, 'ended well\n'])
  })

  it('kills what does not listen', async () => {
    const seen = await limited(
      ['--time-limit=200ms', '--kill-after=200ms'],
      'trap "" TERM; sh -c "trap \\"\\" TERM; echo \\$\\$; while :; do sleep 0.05; done"; echo not reached',
    )
    expect(seen.code).toBe(124)
    expect(hasEnded(Number(seen.stdout.toString()))).toBe(true)
  })
})
