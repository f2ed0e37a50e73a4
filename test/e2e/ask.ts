import { type Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Keeps connections open between requests; without one each request has a connection of its own. */
  readonly agent?: Agent
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** As sent: nothing is decompressed. */
  readonly bytes: Buffer
  readonly text: string
}

const PATIENCE_MS = 15_000

/** Sends exactly this; unlike `fetch` it asks for no encoding, adds no type and shows the bytes as they came. */
export function ask(
  url: string,
  path: string,
  { method = 'GET', headers = {}, body, agent }: Asked = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const options = { hostname, port, method, path, headers: { ...headers, ...length }, agent: agent ?? false }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ ...options, timeout: PATIENCE_MS }, (incoming) => {
      const pieces: Buffer[] = []
      incoming.on('data', (piece: Buffer) => pieces.push(piece))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const bytes = Buffer.concat(pieces)
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          bytes,
          text: bytes.toString(),
        })
      })
    })
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`${method} ${path} was not answered in ${PATIENCE_MS} ms`)),
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Pushes text and fails unless it is accepted. */
export async function push(url: string, path: string, text: string, asked: Asked = {}): Promise<void> {
  const { status, text: reason } = await ask(url, path, { method: 'POST', body: text, ...asked })
  if (status !== 200 && status !== 202) throw new Error(`${path} was answered ${status}: ${reason}`)
}

export const OPENMETRICS = { accept: 'application/openmetrics-text;version=1.0.0' }

/** The page, and nothing else: fails unless it is answered 200. */
export async function scrape(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const { status, text } = await ask(url, '/metrics', { headers })
  if (status !== 200) throw new Error(`the page was answered ${status}: ${text}`)
  return text
}

/** Lines that carry a sample. */
export function samplesOf(page: string): string[] {
  return page.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}
