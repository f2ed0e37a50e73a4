/**
 * Bytes the store may keep for long. A view on a larger buffer is copied: else one small blob would keep a whole
 * request body alive. Node's own slabs for small buffers are no larger than a blob.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  const { byteLength } = bytes.buffer
  return byteLength === bytes.byteLength || byteLength <= Buffer.poolSize ? bytes : new Uint8Array(bytes)
}
