import { connect, type TLSSocket } from 'node:tls'

const DATA = 0
const HEADERS = 1
const RST_STREAM = 3
const SETTINGS = 4
const END_HEADERS = 4
const CANCEL = 8

/** A connection that says exactly the frames a test wants: what Node's client cannot be made to send. */
export interface FrameTalk {
  readonly socket: TLSSocket
  headers(stream: number, headers: Readonly<Record<string, string>>): void
  data(stream: number, text: string): void
  reset(stream: number): void
}

export function talkFrames(port: number, ca: string): FrameTalk {
  const socket = connect({ host: '127.0.0.1', port, ca, ALPNProtocols: ['h2'] })
  socket.on('error', () => {})
  socket.resume()
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  const send = (bytes: Buffer) => socket.write(bytes)
  send(frame(SETTINGS, 0, 0, Buffer.alloc(0)))
  return {
    socket,
    headers: (stream, headers) => send(frame(HEADERS, END_HEADERS, stream, literals(headers))),
    data: (stream, text) => send(frame(DATA, 0, stream, Buffer.from(text))),
    reset(stream) {
      const code = Buffer.alloc(4)
      code.writeUInt32BE(CANCEL)
      send(frame(RST_STREAM, 0, stream, code))
    },
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Each field in full, without a table and without compression. */
function literals(headers: Readonly<Record<string, string>>): Buffer {
  const texts = Object.entries(headers).map(([name, value]) => {
    const [n, v] = [Buffer.from(name), Buffer.from(value)]
    return Buffer.concat([Buffer.from([0, n.length]), n, Buffer.from([v.length]), v])
  })
  return Buffer.concat(texts)
}
