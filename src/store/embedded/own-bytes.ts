/**
 * Bytes the store may keep for long. A view on a larger buffer is copied: else one small blob would keep a whole
 * request body alive.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
