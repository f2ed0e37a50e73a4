/** Fields of protobuf, for bodies that are written once and then changed in place. */
export function nested(field: number, bytes: Uint8Array): Buffer {
  const head = [field * 8 + 2]
  let rest = bytes.length
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([...head, rest]), bytes])
}

export function text(field: number, value: string): Buffer {
  return nested(field, Buffer.from(value))
}
