import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ChaosProxy, type Direction, startChaosProxy } from './chaos-proxy.ts'
import { eventually, eventuallyHolds } from './eventually.ts'
import { freePort } from './free-port.ts'

/** One end of a connection with what it has seen. */
interface End {
  readonly socket: Socket
  received(): string
  /** How the connection ended for it, if it did. */
  ended(): 'open' | 'fin' | 'rst'
}

function watchEnd(socket: Socket): End {
  let received = ''
  let ended: ReturnType<End['ended']> = 'open'
  socket.setNoDelay(true)
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text
  })
  socket.on('end', () => {
    if (ended === 'open') ended = 'fin'
  })
  socket.on('error', (reason: NodeJS.ErrnoException) => {
    if (reason.code === 'ECONNRESET') ended = 'rst'
  })
  return { socket, received: () => received, ended: () => ended }
}

/** More than all buffers of the system along the way. */
const FLOOD_BYTES = 48 << 20

describe('a chaos proxy', () => {
  let listener: Server
  let proxy: ChaosProxy
  const atServer: End[] = []
  const atClient: End[] = []

  beforeEach(async () => {
    listener = createServer({ allowHalfOpen: true }, (socket) => atServer.push(watchEnd(socket)))
    const port = await freePort()
    listener.listen(port, '127.0.0.1')
    await once(listener, 'listening')
    proxy = await startChaosProxy({ port })
  })
  afterEach(async () => {
    for (const { socket } of [...atServer.splice(0), ...atClient.splice(0)]) socket.destroy()
    await proxy.close()
    await new Promise((resolve) => listener.close(resolve))
  })

  async function dial(): Promise<End> {
    const end = watchEnd(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }))
    atClient.push(end)
    await once(end.socket, 'connect')
    return end
  }

  /** A client and its counterpart at the server, with a byte gone each way. */
  async function pair(): Promise<{ client: End; server: End }> {
    const known = new Set(atServer)
    const client = await dial()
    client.socket.write('?')
    const server = await eventually(
      'the server is called',
      () => atServer.find((end) => !known.has(end) && end.received() === '?'),
      Boolean,
      { intervalMs: 2 },
    )
    if (server === undefined) throw new Error('unreachable')
    server.socket.write('!')
    await eventually('the server is heard', () => client.received() === '!', Boolean, { intervalMs: 2 })
    return { client, server }
  }

  const heard = (end: End, text: string) =>
    eventually(
      `${text} is heard`,
      () => end.received(),
      (seen) => seen.endsWith(text),
      { intervalMs: 2 },
    )

  it('carries bytes both ways, and the end of a stream, and counts who is there', async () => {
    const { client, server } = await pair()
    await pair()
    expect(proxy.connections).toBe(2)
    client.socket.end('bye')
    await heard(server, 'bye')
    await eventually('the end arrives', () => server.ended() === 'fin')
    server.socket.end('you too')
    await heard(client, 'you too')
    await eventually('one is left', () => proxy.connections === 1)
  })

  it('carries more than it may hold, unchanged', async () => {
    const { client, server } = await pair()
    const sent = Buffer.alloc(FLOOD_BYTES, 'abcdefghij')
    client.socket.write(sent)
    await eventually('all is there', () => server.received().length === sent.length + 1)
    expect(server.received().slice(1) === sent.toString('latin1')).toBe(true)
  })

  it.each<[string, (server: End) => void]>([
    ['the reader is slow', (server) => server.socket.pause()],
    ['latency holds much of it', () => proxy.latency(5000)],
    ['it is stalled', () => proxy.stall()],
  ])('lets the sender wait, rather than hold everything, when %s', async (_what, hinder) => {
    const { client, server } = await pair()
    hinder(server)
    for (let sent = 0; sent < FLOOD_BYTES; sent += 1 << 16) client.socket.write(Buffer.alloc(1 << 16))
    const seen: number[] = []
    const unsent = await eventually(
      'nothing moves any more',
      () => client.socket.writableLength,
      (now) => seen.push(now) > 3 && seen.slice(-4).every((one) => one === now),
      { intervalMs: 60 },
    )
    expect(unsent).toBeGreaterThan(FLOOD_BYTES / 4)
    expect(server.received()).toBe('?')
  })

  it.each<[Direction, boolean, boolean]>([
    ['to-server', true, false],
    ['to-client', false, true],
    ['both', true, true],
  ])('delays %s, and no other way', async (direction, up, down) => {
    const { client, server } = await pair()
    const delayMs = 200
    proxy.latency(delayMs, 0, direction)
    for (const [from, to, isDelayed] of [
      [client, server, up],
      [server, client, down],
    ] as const) {
      const startMs = performance.now()
      from.socket.write('ping')
      await heard(to, 'ping')
      expect(performance.now() - startMs >= delayMs).toBe(isDelayed)
    }
  })

  it('keeps the order under jitter, and when latency ends', async () => {
    const { client, server } = await pair()
    proxy.latency(5, 30)
    const words = Array.from({ length: 40 }, (_, n) => `<${n}>`)
    for (const word of words) {
      client.socket.write(word)
      await new Promise((resolve) => setImmediate(resolve))
    }
    // Let them all reach the proxy before the one that may be faster.
    await eventually('some have arrived', () => server.received().includes('<1>'), Boolean, { intervalMs: 1 })
    proxy.latency(0)
    client.socket.write('<last>')
    await heard(server, '<last>')
    expect(server.received()).toBe(`?${words.join('')}<last>`)
  })

  it('takes the jitter from the numbers it is given', async () => {
    let asked = 0
    const other = await startChaosProxy({
      port: proxy.port,
      random() {
        asked++
        return 0.5
      },
    })
    other.latency(20, 100, 'to-server')
    const through = watchEnd(connect({ port: other.port, host: '127.0.0.1' }))
    atClient.push(through)
    const startMs = performance.now()
    through.socket.write('half')
    await eventually(
      'half of the jitter has passed',
      () => atServer.some((end) => end.received() === 'half'),
      Boolean,
      { intervalMs: 2 },
    )
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(70)
    expect(asked).toBe(1)
    await other.close()
  })

  it('stalls without losing anything, and takes new connections that hear nothing', async () => {
    const { client, server } = await pair()
    proxy.stall()
    client.socket.write('one')
    server.socket.write('two')
    const late = await dial()
    late.socket.write('three')
    // A second proxy to the same server shows that time enough has passed.
    await throughAnother('meanwhile')
    expect([client.received(), server.received(), late.ended()]).toEqual(['!', '?', 'open'])
    expect(atServer.some((end) => end.received() === 'three')).toBe(false)
    proxy.resume()
    await heard(server, 'one')
    await heard(client, 'two')
    await eventually('the late one is heard', () => atServer.some((end) => end.received() === 'three'))
  })

  it('strands who is connected, for good and without a sign, and serves newcomers', async () => {
    const { client, server } = await pair()
    proxy.strand()
    client.socket.write('one')
    server.socket.write('two')
    const after = await pair()
    after.client.socket.write('three')
    await heard(after.server, '?three')
    proxy.stall()
    proxy.resume()
    await throughAnother('meanwhile')
    expect([client.received(), server.received()]).toEqual(['!', '?'])
    expect([client.ended(), server.ended()]).toEqual(['open', 'open'])
  })

  it.each<[Direction, boolean, boolean]>([
    ['to-server', false, true],
    ['to-client', true, false],
    ['both', false, false],
  ])('cut %s loses those bytes and no others, and resets on healing', async (direction, up, down) => {
    const { client, server } = await pair()
    proxy.cut(direction)
    client.socket.write('up')
    server.socket.write('down')
    await throughAnother('meanwhile')
    if (up) await heard(server, 'up')
    if (down) await heard(client, 'down')
    expect([server.received(), client.received()]).toEqual([up ? '?up' : '?', down ? '!down' : '!'])
    expect([server.ended(), client.ended()]).toEqual(['open', 'open'])
    await proxy.heal()
    await eventually('both are reset', () => server.ended() === 'rst' && client.ended() === 'rst')
    const after = await pair()
    after.client.socket.write('again')
    await heard(after.server, 'again')
  })

  it('cut both ways refuses newcomers, and heals connections that lost nothing unharmed', async () => {
    const { client, server } = await pair()
    proxy.cut('both')
    await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await proxy.heal()
    client.socket.write('still here')
    await heard(server, 'still here')
    await pair()
  })

  it('hides behind a cut that the other side is gone', async () => {
    const { client, server } = await pair()
    proxy.cut('to-client')
    server.socket.destroy()
    await throughAnother('meanwhile')
    expect(client.ended()).toBe('open')
    await proxy.heal()
    await eventually('it comes out', () => client.ended() === 'rst')
  })

  it('resets everyone, once or again and again', async () => {
    const pairs = [await pair(), await pair()]
    proxy.reset()
    const ends = pairs.flatMap(({ client, server }) => [client, server])
    await eventually('all are reset', () => ends.every((end) => end.ended() === 'rst'))
    expect(proxy.connections).toBe(0)

    const stop = proxy.resetEvery(20)
    for (let round = 0; round < 3; round++) {
      const client = await dial()
      await eventually('the next reset comes', () => client.ended() === 'rst', Boolean, { intervalMs: 5 })
    }
    stop()
    const { client } = await pair()
    await throughAnother('meanwhile')
    expect(client.ended()).toBe('open')
  })

  it('loses the reply to one request, which the server gets whole', async () => {
    const { client, server } = await pair()
    const other = await pair()
    const lost = proxy.loseReplyTo('needle')
    other.client.socket.write('hay')
    await heard(other.server, 'hay')
    other.server.socket.write('kept')
    await heard(other.client, 'kept')
    client.socket.write('a nee')
    await heard(server, 'a nee')
    client.socket.write('dle')
    await heard(server, 'a needle')
    server.socket.write('done')
    await lost
    await eventually('the client is reset', () => client.ended() === 'rst')
    expect(client.received()).toBe('!')
    await eventually('the server is left in order', () => server.ended() === 'fin')
    expect(other.client.ended()).toBe('open')
  })

  it('passes on that the server died or was never there', async () => {
    const { client, server } = await pair()
    server.socket.resetAndDestroy()
    await eventually('the client is reset', () => client.ended() === 'rst')
    const lonely = await startChaosProxy({ port: await freePort() })
    const caller = watchEnd(connect({ port: lonely.port, host: '127.0.0.1' }))
    atClient.push(caller)
    await eventuallyHolds(() => expect(caller.ended()).toBe('rst'))
    await lonely.close()
  })

  it('leaves nothing open when closed', async () => {
    const { client, server } = await pair()
    proxy.stall()
    const silent = await dial()
    await proxy.close()
    await eventually('all are gone', () => [client, server, silent].every((end) => end.ended() !== 'open'))
    await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  /** A round trip on a healthy way, so that what was about to arrive on the other would have. */
  async function throughAnother(text: string): Promise<void> {
    const port = (listener.address() as { port: number }).port
    const healthy = await startChaosProxy({ port })
    healthy.latency(30)
    const end = watchEnd(connect({ port: healthy.port, host: '127.0.0.1' }))
    atClient.push(end)
    end.socket.write(text)
    await eventually(
      'the healthy way works',
      () => atServer.some((seen) => seen.received() === text),
      Boolean,
      {
        intervalMs: 5,
      },
    )
    await healthy.close()
  }
})
