import { Command, type Redis } from 'ioredis'
import { isNoScript } from './failures.ts'
import { Packed } from './packing.ts'
import type { Script } from './scripts.ts'

/** Of a script; what is packed stands for its values. */
export type Argument = string | number | Buffer | Packed

/**
 * Runs a script by its digest, and by its text where the server does not know it. `asking` runs it on the node that is
 * taking the slot over (cluster specification, ASK).
 */
export function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  values: readonly Argument[],
  asking = false,
): Promise<unknown> {
  const rest: (string | number | Buffer)[] = [keys.length, ...keys]
  for (const value of values) {
    if (value instanceof Packed) rest.push(...value.values())
    else rest.push(value)
  }
  gatherWrites(redis)
  return evaluate(redis, script, asking, (command, text) => redis.callBuffer(command, [text, ...rest]))
}

/** Words of a command as they are sent (RESP, bulk strings), in any number of parts. */
export interface Words {
  readonly parts: readonly (string | Uint8Array)[]
  readonly count: number
}

export function encodeWords(words: readonly (string | Buffer)[]): Words {
  const parts: (string | Uint8Array)[] = []
  let text = ''
  for (const word of words) {
    text += `$${Buffer.byteLength(word)}\r\n`
    if (typeof word === 'string') {
      text += word
    } else {
      parts.push(text, word)
      text = ''
    }
    text += '\r\n'
  }
  return { parts: [...parts, text], count: words.length }
}

/** As `runScript`, with what follows the script encoded already: the number of keys, the keys and the values. */
export function runEncoded(
  redis: Redis,
  script: Script,
  rest: readonly Words[],
  asking = false,
): Promise<unknown> {
  return evaluate(redis, script, asking, (command, text) => {
    const all = [encodeWords([command, text]), ...rest]
    const count = all.reduce((sum, words) => sum + words.count, 0)
    const bytes = joined([`*${count}\r\n`, ...all.flatMap(({ parts }) => parts)])
    return redis.sendCommand(new EncodedCommand(command, bytes)) as Promise<unknown>
  })
}

function joined(parts: readonly (string | Uint8Array)[]): Buffer {
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0))
  let at = 0
  for (const part of parts) {
    if (typeof part === 'string') {
      at += bytes.write(part, at)
    } else {
      bytes.set(part, at)
      at += part.length
    }
  }
  return bytes
}

/** For words that are mostly the same from call to call: the client would make a text of each every time. */
class EncodedCommand extends Command {
  private readonly encoded: Buffer

  constructor(name: string, encoded: Buffer) {
    super(name)
    this.encoded = encoded
  }

  override toWritable(): Buffer {
    return this.encoded
  }
}

async function evaluate(
  redis: Redis,
  script: Script,
  asking: boolean,
  send: (command: 'evalsha' | 'eval', text: string) => Promise<unknown>,
): Promise<unknown> {
  try {
    if (asking) ask(redis)
    return await send('evalsha', script.sha)
  } catch (reason) {
    if (!isNoScript(reason)) throw reason
    if (asking) ask(redis)
    return send('eval', script.source)
  }
}

/** Holds for the next command on the connection; if it fails, so does that one. */
export function ask(redis: Redis): void {
  redis.asking().catch(() => undefined)
}

const gathering = new WeakSet<object>()

/**
 * Commands sent while a turn of the event loop reads leave in one system call at its end: at many pushes at a time, the
 * calls were the largest part of a push's cost.
 */
function gatherWrites({ stream }: Redis): void {
  if (stream === undefined || stream === null || gathering.has(stream)) return
  gathering.add(stream)
  stream.cork()
  setImmediate(() => {
    gathering.delete(stream)
    stream.uncork()
  })
}

const leaving = new WeakMap<Redis, (() => void)[]>()

/**
 * Has something sent when this turn of the event loop has read what there was, all of it for one connection in one system
 * call. `runScript` must not be used for it, which at that time would wait for the end of the next turn.
 */
export function sendSoon(redis: Redis, send: () => void): void {
  const others = leaving.get(redis)
  if (others !== undefined) {
    others.push(send)
    return
  }
  const all = [send]
  leaving.set(redis, all)
  setImmediate(() => {
    leaving.delete(redis)
    const { stream } = redis
    stream?.cork()
    for (const each of all) each()
    stream?.uncork()
  })
}
