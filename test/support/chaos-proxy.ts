import { createServer, type Server, type Socket } from 'node:net'
import { Link, type Watch, type Way, type Weather } from './chaos-link.ts'
import { freePort } from './free-port.ts'

export type Direction = Way | 'both'

export interface ChaosProxyOptions {
  /** Of the server, on loopback. */
  readonly port: number
  /** Where the proxy listens; a free port unless given. */
  readonly listenPort?: number
  /** Numbers from 0 to below 1, for the jitter; a fixed sequence unless given. */
  readonly random?: () => number
}

/** A way to a server on which the network misbehaves as told. Faults hold for open and for new connections. */
export interface ChaosProxy {
  readonly port: number
  /** `redis://`; for a server with TLS put `rediss://` before the port, the proxy carries it as it carries anything. */
  readonly url: string
  /** How many connections of clients are open now. */
  readonly connections: number
  /**
   * What is sent from now on arrives so much later, plus up to `jitterMs`, in its order; 0 ends it. Each way when the
   * direction is `both`, so that a round trip takes twice as long.
   */
  latency(ms: number, jitterMs?: number, direction?: Direction): void
  /** Nothing is forwarded, sockets stay open, new connections are accepted and hear nothing; nothing is lost. */
  stall(): void
  resume(): void
  /** What is connected now stays so and hears nothing any more, as of a host that vanished; new connections are served. */
  strand(): void
  /**
   * Bytes that way are lost without a sign, and so is the news that the sender closed. With both ways cut new
   * connections are refused, too.
   */
  cut(direction: Direction): void
  /** Ends every cut. A connection that has lost something is reset, because TCP never shows a stream with a hole. */
  heal(): Promise<void>
  /** Every open connection gets a RST at both ends. */
  reset(): void
  /** Does so again and again, until the returned function is called. */
  resetEvery(ms: number): () => void
  /**
   * Of the next request that holds this text the reply is dropped and the client's connection reset: what was asked is
   * done, and nobody hears of it. Resolves then. Sees nothing inside TLS.
   */
  loseReplyTo(text: string): Promise<void>
  close(): Promise<void>
}

export async function startChaosProxy(options: ChaosProxyOptions): Promise<ChaosProxy> {
  const port = options.listenPort ?? (await freePort())
  const weather = new Map<Way, { ms: number; jitterMs: number }>()
  const random = options.random ?? fixedSequence()
  let air: Weather = {
    stalled: false,
    cuts: new Set(),
    delayMs(way) {
      const { ms = 0, jitterMs = 0 } = weather.get(way) ?? {}
      return jitterMs === 0 ? ms : ms + random() * jitterMs
    },
  }
  const thief = makeThief()
  const links = new Set<Link>()
  const timers = new Set<NodeJS.Timeout>()
  const look = (): void => {
    for (const link of [...links]) link.look()
  }
  const reset = (): void => {
    for (const link of [...links]) link.reset()
  }
  const door = makeDoor(port, (client) => {
    const link: Link = new Link(client, options.port, air, thief.watch(), () => links.delete(link))
    links.add(link)
  })
  await door.open()

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get connections() {
      return [...links].filter((link) => link.hasClient).length
    },
    strand() {
      air.stalled = true
      look()
      air = { ...air, stalled: false, cuts: new Set(air.cuts) }
    },
    latency(ms, jitterMs = 0, direction = 'both') {
      for (const way of waysOf(direction)) weather.set(way, { ms, jitterMs })
    },
    stall() {
      air.stalled = true
      look()
    },
    resume() {
      air.stalled = false
      look()
    },
    cut(direction) {
      for (const way of waysOf(direction)) air.cuts.add(way)
      if (air.cuts.size === 2) void door.shut()
      look()
    },
    async heal() {
      air.cuts.clear()
      look()
      await door.open()
    },
    reset,
    resetEvery(ms) {
      const timer = setInterval(reset, ms)
      timers.add(timer)
      return () => {
        clearInterval(timer)
        timers.delete(timer)
      }
    },
    loseReplyTo: thief.loseReplyTo,
    async close() {
      for (const timer of timers) clearInterval(timer)
      reset()
      await door.shut()
    },
  }
}

function waysOf(direction: Direction): readonly Way[] {
  return direction === 'both' ? ['to-server', 'to-client'] : [direction]
}

/** A listener that can be shut, so that the system refuses connections, and opened again. */
function makeDoor(port: number, enter: (client: Socket) => void) {
  let listener: Server | undefined
  return {
    /** Resolves when the door is open, or was shut meanwhile. */
    open: (): Promise<void> =>
      new Promise((resolve, reject) => {
        if (listener !== undefined) return resolve()
        listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, enter)
        listener.once('error', reject)
        listener.once('close', resolve)
        listener.listen(port, '127.0.0.1', resolve)
      }),
    /** Resolves when nobody who came in is left. */
    shut: (): Promise<void> =>
      new Promise((resolve) => {
        if (listener === undefined) return resolve()
        listener.close(() => resolve())
        listener = undefined
      }),
  }
}

/** Waits for one request, and takes the reply to it. */
function makeThief() {
  let wanted: { readonly text: string; readonly done: () => void } | undefined
  return {
    loseReplyTo: (text: string): Promise<void> =>
      new Promise((done) => {
        wanted = { text, done }
      }),
    watch(): Watch {
      let tail = ''
      let taking: (() => void) | undefined
      return {
        request(bytes) {
          if (wanted === undefined) return
          // The text may come in two pieces.
          const seen = tail + bytes.toString('latin1')
          tail = seen.slice(seen.length - wanted.text.length + 1)
          if (!seen.includes(wanted.text)) return
          taking = wanted.done
          wanted = undefined
          tail = ''
        },
        keeps() {
          if (taking === undefined) return true
          taking()
          return false
        },
      }
    },
  }
}

/** Spread as evenly as random numbers are, and the same in every run. */
function fixedSequence(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
