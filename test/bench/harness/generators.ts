import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeFolder, removeFolder } from '../../support/child.ts'

/** Which groups are pushed, and what to each. */
export interface PushLoad {
  readonly kind: 'three' | 'hundred' | 'beside' | 'random'
  readonly method: 'POST' | 'PUT'
  /** The first group, 0 unless given. */
  readonly from?: number
  /** The group behind the last. */
  readonly to: number
  /** From one group to the next. */
  readonly step?: number
  /** What tells values from those of other pushes. */
  readonly version?: number
}

/** What a generator saw. Latencies are null when there was no answer. */
export interface Pushed {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Of the generator itself. */
  readonly cpuSeconds: number
}

export interface Scraped {
  readonly durationsMs: readonly number[]
  /** Of a page, on average. */
  readonly bytes: number
  readonly seconds: number
  /** When the last page was complete, in Unix time. */
  readonly endedAtMs: number
  readonly cpuSeconds: number
}

/** A generator that goes on until it is told to stop. */
export interface Running<T> {
  stop(): Promise<T>
}

interface Target {
  readonly urls: readonly string[]
  readonly connections: number
  readonly load: PushLoad
}

interface ScrapeOptions {
  /** Of the page. */
  readonly url: string
  readonly encoding: 'identity' | 'gzip'
  readonly scrapers?: number
  readonly persist?: boolean
}

const FOLDER = fileURLToPath(new URL('../generators', import.meta.url))

let wrkIsThere: boolean | undefined

/** The generator of closed loops: wrk where it is installed, else our own. */
export function closedGenerator(): 'wrk' | 'push.mjs' {
  wrkIsThere ??= spawnSync('wrk', ['--version']).error === undefined
  return wrkIsThere ? 'wrk' : 'push.mjs'
}

/** Pushes every group once. Rejects unless all are taken. */
export async function pushEach(target: Target): Promise<Pushed> {
  return allTaken(await ownPush({ mode: 'each', ...target }).done)
}

/** Pushes without a pause, each connection one at a time. Rejects unless all are taken. */
export async function pushClosed(target: Target & { readonly seconds: number }): Promise<Pushed> {
  // It knows whole seconds only.
  if (closedGenerator() === 'wrk' && target.seconds >= 1) return wrk(target)
  return allTaken(await ownPush({ mode: 'closed', ...target }).done)
}

/** Pushes at a steady rate, however long the answers take; latencies count from when a push was due. */
export async function pushOpen(
  target: Target & { readonly rate: number; readonly seconds: number },
): Promise<Pushed> {
  return allTaken(await ownPush({ mode: 'open', ...target }).done)
}

export function keepPushing(target: Target & { readonly rate: number }): Running<Pushed> {
  const { done, end } = ownPush({ mode: 'open', ...target })
  return {
    async stop() {
      end()
      return allTaken(await done)
    },
  }
}

export function scrape(options: ScrapeOptions & { readonly count: number }): Promise<Scraped> {
  return runScript<Scraped>('scrape.mjs', options).done
}

/** Scrapes back to back. */
export function keepScraping(options: ScrapeOptions): Running<Scraped> {
  const { done, end } = runScript<Scraped>('scrape.mjs', options)
  return {
    stop() {
      end()
      return done
    },
  }
}

/** Units per processor second of reading bodies alone, one figure for each round. */
export function readAlone(spec: object): Promise<number[]> {
  return runScript<number[]>('readers.mjs', spec).done
}

type OwnPushed = Pushed & { readonly statuses: Readonly<Record<string, number>> }

function ownPush(spec: object) {
  return runScript<OwnPushed>('push.mjs', spec)
}

function allTaken({ statuses, ...pushed }: OwnPushed): Pushed {
  const others = Object.keys(statuses).filter((status) => status !== '200' && status !== '202')
  if (others.length > 0) throw new Error(`pushes were answered ${JSON.stringify(statuses)}`)
  return pushed
}

async function wrk({
  urls: [url = ''],
  connections,
  load,
  seconds,
}: Target & { seconds: number }): Promise<Pushed> {
  const folder = makeFolder('bench')
  const file = join(folder, 'requests')
  try {
    await ownPush({ mode: 'prepare', file, load }).done
    // The shell says what its children took of the processor.
    const command = 'wrk -t1 "-c$1" "-d$2s" --timeout 60s -s "$3/wrk.lua" "$4" -- "$5" && times'
    const args = ['-c', command, 'wrk', connections, Math.round(seconds), FOLDER, url, file]
    const output = await run('sh', args.map(String)).done
    const [, json = ''] = /^(\{.*\})$/m.exec(output) ?? []
    const { refused, failed, ...seen } = JSON.parse(json) as Omit<Pushed, 'cpuSeconds'> & {
      refused: number
      failed: number
    }
    if (refused + failed > 0)
      throw new Error(`of ${seen.requests} pushes ${refused} were refused and ${failed} failed`)
    const times =
      output
        .trimEnd()
        .split('\n')
        .at(-1)
        ?.matchAll(/(\d+)m([\d.]+)s/g) ?? []
    const cpuSeconds = [...times].reduce(
      (sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest),
      0,
    )
    return { ...seen, cpuSeconds }
  } finally {
    removeFolder(folder)
  }
}

function runScript<T>(name: string, spec: object): { done: Promise<T>; end(): void } {
  const { done, end } = run(process.execPath, [join(FOLDER, name), JSON.stringify(spec)])
  return { done: done.then((output) => JSON.parse(output) as T), end }
}

/** What a program prints; rejects when it fails. It ends when this process does, because its standard input ends. */
function run(command: string, args: readonly string[]): { done: Promise<string>; end(): void } {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const done = new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0
        ? resolve(output)
        : reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${errors}`)),
    )
  })
  return { done, end: () => child.stdin.end() }
}
