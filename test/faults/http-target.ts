import { createHash } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Answer, Reading } from './history.ts'
import type { PushRequest, Target } from './target.ts'
import { readPage, writeBody } from './tokens.ts'

const PUSH_TIMEOUT_MS = 5000
const SCRAPE_TIMEOUT_MS = 10_000
const SELF_TIMEOUT_MS = 2000
const MOST_BYTES = 256 * 1024 * 1024

const unzip = promisify(gunzip)

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
}

interface Got extends Pick<Answer, 'status' | 'retryAfter' | 'broken'> {
  readonly bytes: Buffer
}

/** A gateway behind an URL without a path. Connections are kept open, as clients that push often do. */
export function httpTarget(url: string): Target {
  const { hostname, port } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })

  function ask({ method, path, headers = {}, body = '', timeoutMs }: Asked): Promise<Got> {
    return new Promise((resolve) => {
      const length = { 'content-length': Buffer.byteLength(body) }
      const outgoing = request({ hostname, port, method, path, agent, headers: { ...headers, ...length } })
      const timer = setTimeout(() => give(broken('timeout')), timeoutMs)
      const give = (got: Got): void => {
        clearTimeout(timer)
        resolve(got)
        if (got.broken === 'timeout') outgoing.destroy()
      }
      outgoing.on('error', (reason: NodeJS.ErrnoException) =>
        give(broken(reason.code === 'ECONNREFUSED' ? 'not connected' : 'reset')),
      )
      outgoing.on('response', (incoming) => void readAnswer(incoming).then(give))
      outgoing.end(body)
    })
  }

  return {
    async push(push) {
      const { status, retryAfter, broken } = await ask(requestOf(push))
      const outcome = outcomeOf(status, broken)
      return {
        outcome,
        status,
        ...(retryAfter === undefined ? {} : { retryAfter }),
        ...(broken === undefined ? {} : { broken }),
      }
    },

    async scrape({ gzip }) {
      const headers = {
        accept: 'text/plain;version=0.0.4',
        'x-prometheus-scrape-timeout-seconds': `${SCRAPE_TIMEOUT_MS / 1000}`,
        ...(gzip ? { 'accept-encoding': 'gzip' } : {}),
      }
      const { bytes, ...answer } = await ask({
        method: 'GET',
        path: '/metrics',
        headers,
        timeoutMs: SCRAPE_TIMEOUT_MS,
      })
      if (answer.status !== 200) return answer
      // A page that cannot be read is one that was cut off.
      const page = gzip ? await unzip(bytes, { maxOutputLength: MOST_BYTES }).catch(() => undefined) : bytes
      if (page === undefined) return { status: 0, broken: 'reset' }
      return { ...answer, page: readPage(page.toString('latin1')), digest: digestOf(page) }
    },

    async readSelf() {
      const { status, bytes } = await ask({ method: 'GET', path: '/telemetry', timeoutMs: SELF_TIMEOUT_MS })
      return status === 200 ? readReading(bytes.toString('latin1')) : undefined
    },

    close: () => agent.destroy(),
  }
}

function requestOf({ unit, kind, ttlMs, families, ...token }: PushRequest): Asked {
  const [job = '', name = ''] = unit.split('/')
  const timeoutMs = PUSH_TIMEOUT_MS
  const headers = { 'content-type': 'text/plain', 'x-pgr-ttl': ttlMs === 0 ? '0' : `${ttlMs}ms` }
  switch (kind) {
    case 'wipe':
      return { method: 'PUT', path: '/api/v1/admin/wipe', timeoutMs }
    case 'delete':
      return { method: 'DELETE', path: `/metrics/job/${job}/group/${name}`, timeoutMs }
    case 'ingest': {
      const body = writeBody(token, families, `job="${job}",instance="${name}",`)
      return { method: 'POST', path: '/ingest', headers, body, timeoutMs }
    }
    case 'put':
    case 'post': {
      const path = `/metrics/job/${job}/group/${name}`
      return { method: kind.toUpperCase(), path, headers, body: writeBody(token, families), timeoutMs }
    }
    case 'add':
      throw new Error('nothing that adds up is pushed by HTTP here; drive a store instead')
  }
}

/** What was answered 503 may have been applied; so may what was not answered, unless nobody was there to hear it. */
function outcomeOf(status: number, broken: Answer['broken']): Answer['outcome'] {
  if (broken === 'not connected') return 'refused'
  if (status >= 200 && status < 300) return 'ok'
  return status >= 400 && status < 500 ? 'refused' : 'unknown'
}

function broken(how: NonNullable<Answer['broken']>): Got {
  return { status: 0, broken: how, bytes: Buffer.alloc(0) }
}

async function readAnswer(incoming: IncomingMessage): Promise<Got> {
  const pieces: Buffer[] = []
  try {
    for await (const piece of incoming) pieces.push(piece)
  } catch {
    return broken('reset')
  }
  const retryAfter = incoming.headers['retry-after']
  return {
    status: incoming.statusCode ?? 0,
    bytes: Buffer.concat(pieces),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  }
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64')
}

function readReading(text: string): Reading {
  return {
    lostWrites: sumOf(text, 'pgr_store_lost_writes_total'),
    resubmittedWrites: sumOf(text, 'pgr_store_resubmitted_writes_total'),
    historyLosses: sumOf(text, 'pgr_store_history_losses_total'),
    residentBytes: sumOf(text, 'process_resident_memory_bytes'),
  }
}

/** Over all series of a family; 0 when there is none. */
function sumOf(text: string, name: string): number {
  let sum = 0
  for (const line of text.split('\n')) {
    if (line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)))
      sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}
