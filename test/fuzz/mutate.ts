/** A generator of numbers that gives the same ones for the same seed (mulberry32). */
export type Random = () => number

export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Bytes at which numbers, lengths, tags and text turn. */
const TURNING_POINTS = [0x00, 0x01, 0x0a, 0x20, 0x22, 0x2f, 0x30, 0x5c, 0x7b, 0x7f, 0x80, 0xc0, 0xfe, 0xff]
const MOST_MUTATIONS = 3
const LONGEST_PIECE = 16

/** A copy of a valid body with a few changes; every other one is such that it mostly stays valid. */
export function mutate(body: Uint8Array, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(body)
  if (random() < 0.5) return respell(bytes, random)
  const times = 1 + Math.floor(random() ** 2 * MOST_MUTATIONS)
  for (let i = 0; i < times; i++) bytes = mutateOnce(bytes, random)
  return bytes
}

function mutateOnce(bytes: Buffer, random: Random): Buffer {
  const at = Math.floor(random() * (bytes.length + 1))
  const length = Math.min(bytes.length - at, 1 + Math.floor(random() * LONGEST_PIECE))
  const byte = () => TURNING_POINTS[Math.floor(random() * TURNING_POINTS.length)] as number
  switch (Math.floor(random() * 8)) {
    case 0:
      if (at < bytes.length) bytes[at] = byte()
      return bytes
    case 1:
      if (at < bytes.length) bytes[at] = Math.floor(random() * 256)
      return bytes
    case 2:
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8))
      return bytes
    case 3:
      return respell(bytes, random)
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([byte()]), bytes.subarray(at)])
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 6:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
    default:
      return bytes.subarray(0, at)
  }
}

/** Another letter in the place of one, or another digit. */
function respell(bytes: Buffer, random: Random): Buffer {
  const start = Math.floor(random() * bytes.length)
  for (let place = start; place < bytes.length; place++) {
    const old = bytes[place] as number
    const first = old >= 0x61 && old <= 0x7a ? 0x61 : old >= 0x30 && old <= 0x39 ? 0x30 : undefined
    if (first === undefined) continue
    bytes[place] = first + Math.floor(random() * (first === 0x30 ? 10 : 26))
    break
  }
  return bytes
}
