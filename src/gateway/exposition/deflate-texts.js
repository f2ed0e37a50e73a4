import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib'

const OPTIONS = { level: 1 }
const { Z_FULL_FLUSH } = constants

/**
 * Returns what compresses one text after the other with `engine`. Each becomes deflate blocks that end in a full flush, hence
 * on a byte boundary and without reference to what came before. Throws when there is too little room.
 *
 * Texts are small, and to set a stream up for each takes as long as compressing it. One stream for all does not: nothing
 * refers across a full flush. Node has no documented way to write to it at once; where the one that Node itself
 * uses is not there, each text has a stream of its own.
 */
export function makeDeflate(engine = createDeflateRaw(OPTIONS)) {
  const { _handle: handle, _writeState: left } = engine
  if (typeof handle?.writeSync !== 'function' || !(left instanceof Uint32Array)) return deflateApart
  return (text, room, at) => {
    handle.writeSync(Z_FULL_FLUSH, text, 0, text.length, room, at, room.length - at)
    const [outLeft, inLeft] = left
    if (inLeft > 0 || outLeft === 0) throw new Error('a text did not fit into the room for it')
    return room.length - outLeft
  }
}

function deflateApart(text, room, at) {
  const deflated = deflateRawSync(text, { ...OPTIONS, finishFlush: Z_FULL_FLUSH })
  room.set(deflated, at)
  return at + deflated.length
}

/** Most bytes that a text of so many can become, and one more: stored blocks have a head, and so has the flush. */
export function roomFor(length) {
  return length + (length >> 3) + 64
}
