import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { type Recorder, runWords, startRecorder, valueIn, wrapped } from './job-rig.ts'

const DRIVER = fileURLToPath(new URL('../support/at-terminal.py', import.meta.url))
const CTRL_C = '\x03'
const CTRL_BACKSLASH = '\x1c'
const CTRL_Z = '\x1a'

/** See the driver. */
type Step = ['see' | 'type', string] | ['signal', number] | ['stopped'] | ['continue'] | ['hang up']

describeWith('python3', 'a command at a terminal', () => {
  let gateway: Recorder
  beforeAll(async () => {
    gateway = await startRecorder()
  })
  afterAll(() => {
    gateway?.close()
  })

  async function play(
    steps: readonly Step[],
    words: readonly string[],
  ): Promise<{ shown: string; code: number }> {
    const driver = [peerOrThrow('python3').path, DRIVER, JSON.stringify(steps), ...words]
    const { code, stdout, stderr } = await runWords(driver)
    expect([code, stderr.toString()]).toEqual([0, ''])
    const { shown, code: seen } = JSON.parse(stdout.toString())
    // Where the echo of a key falls among what is printed is for the kernel to say.
    return { shown: shown.replace(/\s/g, ''), code: seen }
  }

  /** Counts signals, and tells how many came when a line is typed. */
  const COUNTER = [
    'python3',
    '-c',
    `
import os, select, signal
count = {}
def on(number, _):
    name = signal.Signals(number).name
    count[name] = count.get(name, 0) + 1
    print(name, flush=True)
for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGCONT"):
    signal.signal(getattr(signal, name), on)
# Python acts on a signal between two steps of its own, of which reading is one: what comes right before would wait for a line.
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
print("ready", flush=True)
while 0 not in select.select([0, woken], [], [])[0]:
    os.read(woken, 64)
os.read(0, 64)
print(sorted(count.items()), flush=True)
raise SystemExit(5)
`,
  ]

  const cases: [what: string, steps: Step[], words: string[]][] = [
    [
      'sees a terminal on all three',
      [['see', 'done']],
      [
        'sh',
        '-c',
        'test -t 0 && test -t 1 && test -t 2 && tty < /dev/tty >/dev/null && stty size && echo done',
      ],
    ],
    [
      'hears Ctrl-C once',
      [
        ['see', 'ready'],
        ['type', CTRL_C],
        ['see', 'SIGINT'],
        ['type', '\n'],
        ['see', '1)]'],
      ],
      COUNTER,
    ],
    [
      'hears Ctrl-\\ once',
      [
        ['see', 'ready'],
        ['type', CTRL_BACKSLASH],
        ['see', 'SIGQUIT'],
        ['type', '\n'],
        ['see', '1)]'],
      ],
      COUNTER,
    ],
    [
      'hears Ctrl-C twice when it is typed twice',
      [
        ['see', 'ready'],
        ['type', CTRL_C],
        ['see', 'SIGINT'],
        ['type', CTRL_C],
        ['see', 'SIGINT'],
        ['type', '\n'],
        ['see', '2)]'],
      ],
      COUNTER,
    ],
    [
      'hears SIGTERM, SIGUSR1 and SIGHUP that are sent to it',
      [
        ['see', 'ready'],
        ['signal', 15],
        ['see', 'SIGTERM'],
        ['signal', 10],
        ['see', 'SIGUSR1'],
        ['signal', 1],
        ['see', 'SIGHUP'],
        ['type', '\n'],
        ['see', ')]'],
      ],
      COUNTER,
    ],
    [
      'is ended by Ctrl-C',
      [
        ['see', 'ready'],
        ['type', CTRL_C],
      ],
      ['sh', '-c', 'echo ready; exec sleep 40'],
    ],
    [
      'is ended by Ctrl-\\',
      [
        ['see', 'ready'],
        ['type', CTRL_BACKSLASH],
      ],
      ['sh', '-c', 'ulimit -c 0; echo ready; exec sleep 40'],
    ],
    [
      'stops at Ctrl-Z and goes on in the foreground',
      [
        ['see', 'ready'],
        ['type', CTRL_Z],
        ['stopped'],
        ['continue'],
        ['see', 'SIGCONT'],
        ['type', '\n'],
        ['see', '1)]'],
      ],
      COUNTER,
    ],
    [
      'reads what is typed',
      [
        ['see', 'ready'],
        ['type', 'hello\n'],
        ['see', 'got hello'],
      ],
      ['sh', '-c', 'echo ready; read -r line; echo "got $line"'],
    ],
    [
      'hears Ctrl-D',
      [
        ['see', 'ready'],
        ['type', '\x04'],
      ],
      ['sh', '-c', 'echo ready; cat; echo over'],
    ],
  ]

  it.each(cases)('%s, as without pgr', async (_what, steps, words) => {
    const bare = await play(steps, words)
    const under = await play(steps, wrapped(['--job=t', '--url', gateway.url], words))
    expect(under).toEqual(bare)
    expect(under.shown).not.toBe('')
  })

  it('is told of a terminal that hangs up, and its run is pushed', async () => {
    const before = gateway.pushes.length
    const steps: Step[] = [['see', 'ready'], ['hang up']]
    const words = ['sh', '-c', 'echo ready; exec sleep 40']
    const bare = await play(steps, words)
    const under = await play(steps, wrapped(['--job=t', '--url', gateway.url], words))
    expect([under.code, bare.code]).toEqual([129, 129])
    expect(valueIn(gateway.pushes.slice(before).at(-1)?.body ?? '', 'pgr_job_last_exit_code')).toBe(129)
  })
})
