import { misconfigured } from './failures.ts'

/** A script's answer: numbers, bytes, lists, and null for what Lua calls false. */
export type Reply = readonly unknown[]

// Readers of a place in a reply. They refuse what they do not expect: a proxy or another server may answer otherwise.

export function listAt(reply: Reply, place: number): Reply {
  return asList(reply[place])
}

export function asList(value: unknown): Reply {
  if (Array.isArray(value)) return value
  throw misconfigured(`redis answered a script with ${show(value)} where a list belongs`)
}

export function bytesAt(reply: Reply, place: number): Buffer {
  const value = reply[place]
  if (Buffer.isBuffer(value)) return value
  throw misconfigured(`redis answered a script with ${show(value)} where bytes belong`)
}

/** Undefined where the script answered false. */
export function maybeBytesAt(reply: Reply, place: number): Buffer | undefined {
  return reply[place] === null || reply[place] === undefined ? undefined : bytesAt(reply, place)
}

export function numberAt(reply: Reply, place: number): number {
  const value = reply[place]
  if (typeof value === 'number') return value
  if (Buffer.isBuffer(value)) {
    const number = Number(value.toString('latin1'))
    if (!Number.isNaN(number)) return number
  }
  throw misconfigured(`redis answered a script with ${show(value)} where a number belongs`)
}

export function textAt(reply: Reply, place: number): string {
  return bytesAt(reply, place).toString('latin1')
}

/** Whether a reply begins with `ok`, as most do: told without making a text of it. */
export function isOk([status]: Reply): boolean {
  return Buffer.isBuffer(status) && status.length === 2 && status[0] === 0x6f && status[1] === 0x6b
}

function show(value: unknown): string {
  return Buffer.isBuffer(value) ? `${value.length} bytes` : Array.isArray(value) ? 'a list' : String(value)
}
