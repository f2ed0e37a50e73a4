import { connect } from 'node:net'

export interface Sent {
  readonly pushes: number
  readonly seconds: number
  /** Milliseconds from when each was due until it was answered, ascending. */
  readonly latencies: readonly number[]
}

export interface Sending {
  /** Taken in turn by the connections. */
  readonly urls: readonly string[]
  readonly connections: number
  readonly seconds: number
  /** A second, evenly; without one each connection sends the next as soon as the last is answered. */
  readonly rate?: number
  readonly next: (n: number) => Buffer
}

interface Lane {
  send(request: Buffer): Promise<void>
  close(): void
}

/** Pushes over kept connections, one at a time on each. Rejects when one is not answered 200. */
export async function sendPushes({ urls, connections, seconds, rate, next }: Sending): Promise<Sent> {
  const lanes = Array.from({ length: connections }, (_, n) => openLane(urls[n % urls.length] ?? ''))
  const latencies: number[] = []
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  const dueMs = (n: number) => (rate === undefined ? performance.now() : startMs + (n * 1000) / rate)
  let sent = 0
  const run = async (lane: Lane) => {
    for (;;) {
      const n = sent++
      const due = dueMs(n)
      if (due >= endMs) return
      const waitMs = due - performance.now()
      // Timers are as exact as a millisecond.
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
      await lane.send(next(n))
      latencies.push(performance.now() - due)
    }
  }
  try {
    await Promise.all(lanes.map(run))
  } finally {
    for (const lane of lanes) lane.close()
  }
  latencies.sort((a, b) => a - b)
  return { pushes: latencies.length, seconds: (performance.now() - startMs) / 1000, latencies }
}

export function pushRequest(path: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function openLane(url: string): Lane {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let settle: ((reason?: Error) => void) | undefined
  socket.setEncoding('latin1')
  socket.on('error', (reason) => settle?.(reason))
  socket.on('close', () => settle?.(new Error('the connection was closed')))
  socket.on('data', (text: string) => {
    // An accepted push is answered with a head alone, which comes in one piece.
    settle?.(text.startsWith('HTTP/1.1 200 ') ? undefined : new Error(`a push was answered ${text}`))
  })
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        settle = (reason) => (reason === undefined ? resolve() : reject(reason))
        socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}
