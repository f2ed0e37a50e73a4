import { connect, type Socket } from 'node:net'

/** The way bytes go: requests go `to-server`, replies go `to-client`. */
export type Way = 'to-server' | 'to-client'

/** What all connections of a proxy are subject to. */
export interface Weather {
  stalled: boolean
  readonly cuts: Set<Way>
  delayMs(way: Way): number
}

/** Looks at what is delivered on one connection; `keeps` is false when a reply is to be lost, with the connection. */
export interface Watch {
  request(bytes: Buffer): void
  keeps(): boolean
}

/** Held back by latency in one lane before reading stops, and the sender feels it. */
const MOST_HELD_BYTES = 4 << 20

/** What travels: bytes, the end of a stream, or the loss of its connection. */
type Freight = Buffer | 'fin' | 'rst'

/** One way of one connection. Everything that travels on it keeps its order. */
class Lane {
  readonly #way: Way
  readonly #from: Socket
  readonly #to: Socket
  readonly #weather: Weather
  readonly #keeps: (bytes: Buffer) => boolean
  readonly #held: { readonly freight: Freight; readonly dueMs: number }[] = []
  #heldBytes = 0
  #lastDueMs = 0
  #isBlocked = false
  #hasHole = false
  #timer: NodeJS.Timeout | undefined

  constructor(way: Way, from: Socket, to: Socket, weather: Weather, keeps: (bytes: Buffer) => boolean) {
    this.#way = way
    this.#from = from
    this.#to = to
    this.#weather = weather
    this.#keeps = keeps
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.on('end', () => this.#take('fin'))
    from.on('close', (hadError) => hadError && this.#take('rst'))
    to.on('drain', () => {
      this.#isBlocked = false
      this.look()
    })
    to.on('close', () => {
      this.#isBlocked = false
      this.look()
    })
    this.look()
  }

  /** Whether the receiver would now see that something is missing. */
  get showsHole(): boolean {
    return this.#hasHole && !this.#isCut
  }

  /** Delivers what is due; the weather may have changed. */
  look(): void {
    clearTimeout(this.#timer)
    if (this.#isCut && this.#held.length > 0) this.#lose()
    while (!this.#weather.stalled && !this.#isBlocked) {
      const next = this.#held[0]
      if (next === undefined) break
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.look(), Math.ceil(waitMs))
        break
      }
      this.#held.shift()
      this.#deliver(next.freight)
    }
    if (this.#isReading) this.#from.resume()
    else this.#from.pause()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#held.length = 0
  }

  get #isCut(): boolean {
    return this.#weather.cuts.has(this.#way)
  }

  get #isReading(): boolean {
    if (this.#weather.stalled) return false
    return this.#isCut || (!this.#isBlocked && this.#heldBytes < MOST_HELD_BYTES)
  }

  #take(freight: Freight): void {
    const dueMs = performance.now() + this.#weather.delayMs(this.#way)
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs)
    this.#held.push({ freight, dueMs: this.#lastDueMs })
    this.#heldBytes += weigh(freight)
    this.look()
  }

  #deliver(freight: Freight): void {
    this.#heldBytes -= weigh(freight)
    if (this.#to.destroyed) {
      this.#hasHole = true
    } else if (freight === 'rst') {
      this.#to.resetAndDestroy()
    } else if (freight === 'fin') {
      this.#to.end()
    } else if (this.#keeps(freight)) {
      this.#isBlocked = !this.#to.write(freight)
    }
  }

  #lose(): void {
    this.#hasHole = true
    this.#held.length = 0
    this.#heldBytes = 0
  }
}

function weigh(freight: Freight): number {
  return typeof freight === 'string' ? 0 : freight.length
}

/** A client's connection and its counterpart at the server. */
export class Link {
  readonly #client: Socket
  readonly #port: number
  readonly #weather: Weather
  readonly #watch: Watch
  readonly #over: () => void
  #server: Socket | undefined
  #lanes: readonly Lane[] = []

  /** `client` is paused; `over` is called when nothing of the link is left. */
  constructor(client: Socket, port: number, weather: Weather, watch: Watch, over: () => void) {
    this.#client = client
    this.#port = port
    this.#weather = weather
    this.#watch = watch
    this.#over = over
    this.#tend(client)
    this.look()
  }

  get hasClient(): boolean {
    return !this.#client.destroyed
  }

  /** The weather may have changed. */
  look(): void {
    // A stalled network would not carry the handshake either.
    if (this.#server === undefined && !this.#weather.stalled && this.hasClient) this.#dial()
    for (const lane of this.#lanes) lane.look()
    if (this.#lanes.some((lane) => lane.showsHole)) this.reset()
  }

  /** Both ends get a RST. */
  reset(): void {
    for (const lane of this.#lanes) lane.close()
    this.#client.resetAndDestroy()
    this.#server?.resetAndDestroy()
  }

  #dial(): void {
    const client = this.#client
    const server = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.#server = server
    this.#tend(server)
    this.#lanes = [
      new Lane('to-server', client, server, this.#weather, (bytes) => {
        this.#watch.request(bytes)
        return true
      }),
      new Lane('to-client', server, client, this.#weather, () => {
        if (this.#watch.keeps()) return true
        client.resetAndDestroy()
        // The server is left in order, so that it reads all of what was asked.
        server.end()
        return false
      }),
    ]
  }

  #tend(socket: Socket): void {
    // What went wrong shows in the `close` that follows.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (!this.hasClient && (this.#server?.destroyed ?? true)) this.#over()
    })
  }
}
