import { connect, createServer, type Socket } from 'node:net'

/** A way to a server that can lose replies: what was asked is done, and nobody hears of it. */
export interface LossyProxy {
  readonly url: string
  /** Of the next request that holds this text the reply is dropped, and the connection with it; resolves then. */
  loseReplyTo(text: string): Promise<void>
  close(): Promise<void>
}

export async function startLossyProxy(port: number): Promise<LossyProxy> {
  let wanted: { text: string; done: () => void } | undefined
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    let losing: (() => void) | undefined
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    client.on('data', (bytes) => {
      if (wanted !== undefined && bytes.toString('latin1').includes(wanted.text)) {
        losing = wanted.done
        wanted = undefined
      }
      server.write(bytes)
    })
    server.on('data', (bytes) => {
      if (losing === undefined) return void client.write(bytes)
      client.destroy()
      losing()
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    url: `redis://127.0.0.1:${address.port}`,
    loseReplyTo: (text) =>
      new Promise((done) => {
        wanted = { text, done }
      }),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => proxy.close(() => resolve()))
    },
  }
}
