/**
 * Compresses texts in a thread of its own: the one that serves requests has better to do. Each text becomes deflate blocks
 * that end in a full flush, hence on a byte boundary and without reference to what came before. Plain JavaScript, because
 * threads are started from the file as it is.
 */
import { parentPort } from 'node:worker_threads'
import { constants, crc32, deflateRawSync } from 'node:zlib'

// Small texts: what is set up for each is kept small, and so is the room for what it becomes.
const OPTIONS = {
  level: 1,
  windowBits: 12,
  memLevel: 5,
  chunkSize: 2048,
  finishFlush: constants.Z_FULL_FLUSH,
}

parentPort?.on('message', ({ id, strip, ranges }) => {
  try {
    const count = ranges.length / 2
    const parts = []
    const lengths = new Uint32Array(count)
    const crcs = new Uint32Array(count)
    for (let i = 0; i < count; i++) {
      const text = strip.subarray(ranges[2 * i], ranges[2 * i + 1])
      const part = deflateRawSync(text, OPTIONS)
      parts.push(part)
      lengths[i] = part.length
      crcs[i] = crc32(text)
    }
    const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    parentPort?.postMessage({ id, strip, bytes, lengths, crcs }, [strip.buffer, bytes.buffer])
  } catch (reason) {
    parentPort?.postMessage({ id, reason })
  }
})
