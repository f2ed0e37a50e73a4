import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** A reply of RESP2: integers are numbers, both kinds of string are strings, both kinds of nothing are null. */
export type Reply = string | number | null | readonly Reply[]

export interface RespOptions {
  readonly port: number
  readonly username?: string
  readonly password?: string
  /** PEM files, shown to servers that ask for a certificate. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** How long to wait for each reply. */
  readonly timeoutMs?: number
}

/** One connection to a server on loopback; what is asked on it arrives in order. */
export interface RespConnection {
  /** Rejects with the text of an error reply, when the connection ends, and when no reply came in time. */
  ask(...words: string[]): Promise<Reply>
  close(): void
}

const REPLY_TIMEOUT_MS = 2000

interface Waiting {
  readonly what: string
  readonly resolve: (reply: Reply) => void
  readonly reject: (reason: Error) => void
}

/** Opens a connection; that it cannot be made is told by the first question. */
export function openResp({ timeoutMs = REPLY_TIMEOUT_MS, ...options }: RespOptions): RespConnection {
  const socket = dial(options)
  const waiting: Waiting[] = []
  let rest: Buffer = Buffer.alloc(0)
  let end: Error | undefined

  const fail = (reason: Error): void => {
    end ??= reason
    socket.destroy()
    for (const { what, reject } of waiting.splice(0)) reject(new Error(`${reason.message} (asked ${what})`))
  }
  socket.once('error', fail)
  socket.once('close', () => fail(new Error('connection closed without a reply')))
  socket.on('data', (bytes: Buffer) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    for (let read = readReply(rest, 0); read !== undefined; read = readReply(rest, 0)) {
      rest = rest.subarray(read.next)
      const next = waiting.shift()
      if (read.value instanceof Error) next?.reject(read.value)
      else next?.resolve(read.value)
    }
    socket.setTimeout(waiting.length === 0 ? 0 : timeoutMs)
  })
  socket.on('timeout', () => fail(new Error(`no reply to ${waiting[0]?.what} within ${timeoutMs} ms`)))

  const ask = (...words: string[]): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const what = words[0] ?? ''
      if (end !== undefined) return reject(new Error(`${end.message} (asked ${what})`))
      waiting.push({ what, resolve, reject })
      socket.setTimeout(timeoutMs)
      socket.write(encodeCommand(words))
    })
  if (options.password !== undefined) {
    const user = options.username === undefined ? [] : [options.username]
    ask('AUTH', ...user, options.password).catch(fail)
  }
  return { ask, close: () => void socket.destroy() }
}

/** Trusts whoever is there. */
export function dial({ port, tls }: Pick<RespOptions, 'port' | 'tls'>): Socket {
  const at = { port, host: '127.0.0.1' }
  if (tls === undefined) return connect({ ...at, noDelay: true })
  const [cert, key] = [readFileSync(tls.cert), readFileSync(tls.key)]
  return connectTls({ ...at, cert, key, rejectUnauthorized: false })
}

export function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}

interface Read<T> {
  readonly value: T
  readonly next: number
}

/** The reply that starts at `at`, and where the next one does; undefined when it is not all there yet. */
function readReply(bytes: Buffer, at: number): Read<Reply | Error> | undefined {
  const lineEnd = bytes.indexOf('\r\n', at, 'latin1')
  if (lineEnd === -1) return undefined
  const text = bytes.toString('utf8', at + 1, lineEnd)
  const next = lineEnd + 2
  switch (bytes[at]) {
    case 0x2b: // +
      return { value: text, next }
    case 0x2d: // -
      return { value: new Error(text), next }
    case 0x3a: // :
      return { value: Number(text), next }
    case 0x24: // $
      return readBulk(bytes, next, Number(text))
    case 0x2a: // *
      return readArray(bytes, next, Number(text))
    default:
      throw new Error(`not a reply of RESP2: ${bytes.toString('latin1', at, lineEnd)}`)
  }
}

function readBulk(bytes: Buffer, at: number, length: number): Read<Reply> | undefined {
  if (length < 0) return { value: null, next: at }
  const next = at + length + 2
  return bytes.length < next ? undefined : { value: bytes.toString('utf8', at, at + length), next }
}

function readArray(bytes: Buffer, at: number, count: number): Read<Reply | Error> | undefined {
  if (count < 0) return { value: null, next: at }
  const items: Reply[] = []
  let failure: Error | undefined
  let next = at
  for (let n = 0; n < count; n++) {
    const item = readReply(bytes, next)
    if (item === undefined) return undefined
    if (item.value instanceof Error) failure ??= item.value
    else items.push(item.value)
    next = item.next
  }
  return { value: failure ?? items, next }
}

/** The items of a reply that must be a list. */
export function asList(reply: Reply): readonly Reply[] {
  if (reply === null || typeof reply !== 'object') {
    throw new Error(`a list was expected, not ${JSON.stringify(reply)}`)
  }
  return reply
}

export function asStrings(reply: Reply): string[] {
  return asList(reply).map(String)
}

/** A flat list of names and values, as `SENTINEL MASTER` replies. */
export function asFields(reply: Reply): Map<string, string> {
  const words = asStrings(reply)
  const fields = new Map<string, string>()
  for (let n = 0; n + 1 < words.length; n += 2) fields.set(words[n] ?? '', words[n + 1] ?? '')
  return fields
}
