import { connect } from 'node:net'

/** Result of a bounded load: how many requests were answered, how, and how fast. */
export interface Load {
  readonly requests: number
  readonly seconds: number
  readonly statuses: ReadonlyMap<number, number>
  /** Milliseconds, ascending. */
  readonly latencies: readonly number[]
}

/**
 * Sends requests over keep-alive connections, each connection one at a time, for `seconds`. `next` gives the bytes of
 * the n-th request. Written on bare sockets so that the generator costs far less than what it measures.
 */
export async function load(
  url: string,
  options: { connections: number; seconds: number; next: (n: number) => Buffer },
): Promise<Load> {
  const { hostname, port } = new URL(url)
  const statuses = new Map<number, number>()
  const latencies: number[] = []
  const startedMs = performance.now()
  const endMs = startedMs + options.seconds * 1000
  let sent = 0

  const lane = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true })
      let sentAtMs = 0
      let buffered = ''
      const sendNext = () => {
        sentAtMs = performance.now()
        if (sentAtMs >= endMs) {
          socket.end()
          resolve()
          return
        }
        socket.write(options.next(sent++))
      }
      socket.setEncoding('latin1')
      socket.on('connect', sendNext)
      socket.on('error', reject)
      socket.on('data', (text: string) => {
        buffered += text
        const headEnd = buffered.indexOf('\r\n\r\n')
        if (headEnd === -1) return
        const head = buffered.slice(0, headEnd)
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (buffered.length < headEnd + 4 + length) return
        const status = Number(head.slice(9, 12))
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        latencies.push(performance.now() - sentAtMs)
        buffered = ''
        sendNext()
      })
    })

  await Promise.all(Array.from({ length: options.connections }, lane))
  latencies.sort((a, b) => a - b)
  return { requests: latencies.length, seconds: (performance.now() - startedMs) / 1000, statuses, latencies }
}

export function pushRequest(path: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
