/** Small bytes stand in slabs of this size. */
const SLAB_BYTES = 16 * 1024
/** Larger bytes have a buffer of their own, which costs little beside them. */
const MOST_IN_SLAB = SLAB_BYTES / 4

/**
 * Room for bytes that are kept for long. Small ones stand one behind the other, in the order of the calls; a slab goes
 * when the last of them goes, so what is kept for as long belongs together.
 */
export class Slabs {
  private slab: Buffer = Buffer.alloc(0)
  private used = 0

  /** A copy that keeps nothing else alive: no request body, no reply and none of Node's own slabs. */
  keep(bytes: Uint8Array): Buffer {
    const { byteLength } = bytes
    if (byteLength > MOST_IN_SLAB) return copyInto(Buffer.allocUnsafeSlow(byteLength), bytes)
    if (this.used + byteLength > this.slab.byteLength) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.used = 0
    }
    const room = this.slab.subarray(this.used, this.used + byteLength)
    this.used += byteLength
    return copyInto(room, bytes)
  }
}

/** What is stored: what is pushed together mostly goes together. */
const stored = new Slabs()

/** Bytes that are stored, kept as `Slabs` does; those that have a buffer of their own already, as they are. */
export function keptBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength > MOST_IN_SLAB && isAlone(bytes) ? bytes : stored.keep(bytes)
}

function isAlone({ buffer, byteLength }: Uint8Array): boolean {
  return buffer.byteLength === byteLength
}

function copyInto(room: Buffer, bytes: Uint8Array): Buffer {
  room.set(bytes)
  return room
}
