/** Small bytes stand in slabs of this size. */
const SLAB_BYTES = 16 * 1024
/** Larger bytes have a buffer of their own, which costs little beside them. */
const MOST_IN_SLAB = SLAB_BYTES / 4

let slab: Buffer = Buffer.alloc(0)
let used = 0

/**
 * A copy of bytes that are kept for long: it keeps nothing else alive, no request body, no reply and none of Node's own
 * slabs, in which what is kept would stand between what is long gone. Small bytes stand one behind the other in what is
 * theirs alone, in the order of the calls: what is pushed together mostly goes together.
 */
export function keptBytes(bytes: Uint8Array): Uint8Array {
  const { byteLength } = bytes
  if (byteLength > MOST_IN_SLAB)
    return isAlone(bytes) ? bytes : copyInto(Buffer.allocUnsafeSlow(byteLength), bytes)
  if (used + byteLength > slab.byteLength) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    used = 0
  }
  const room = slab.subarray(used, used + byteLength)
  used += byteLength
  return copyInto(room, bytes)
}

function isAlone({ buffer, byteLength }: Uint8Array): boolean {
  return buffer.byteLength === byteLength
}

function copyInto(room: Buffer, bytes: Uint8Array): Buffer {
  room.set(bytes)
  return room
}
