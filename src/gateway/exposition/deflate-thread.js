/**
 * Compresses texts in a thread of its own: the one that serves requests has better to do. Plain JavaScript, because threads
 * are started from the file as it is.
 */
import { parentPort } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { makeDeflate, roomFor } from './deflate-texts.js'

/** Where results are put together that are not unusually large. */
const USUAL_ROOM = new Uint8Array(512 * 1024)
let deflate = makeDeflate()

parentPort?.on('message', ({ id, strip, ranges }) => {
  try {
    const count = ranges.length / 2
    const lengths = new Uint32Array(count)
    const crcs = new Uint32Array(count)
    const needed = roomForAll(ranges)
    const room = needed > USUAL_ROOM.length ? new Uint8Array(needed) : USUAL_ROOM
    let end = 0
    for (let i = 0; i < count; i++) {
      const text = strip.subarray(ranges[2 * i], ranges[2 * i + 1])
      const at = end
      end = deflate(text, room, at)
      lengths[i] = end - at
      crcs[i] = crc32(text)
    }
    const bytes = room.slice(0, end)
    parentPort?.postMessage({ id, strip, bytes, lengths, crcs }, [strip.buffer, bytes.buffer])
  } catch (reason) {
    // What it was in the middle of must not come before the next text.
    deflate = makeDeflate()
    parentPort?.postMessage({ id, reason })
  }
})

function roomForAll(ranges) {
  let bytes = 0
  for (let i = 0; i < ranges.length; i += 2) bytes += roomFor(ranges[i + 1] - ranges[i])
  return bytes
}
