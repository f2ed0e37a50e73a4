import { PgrError } from '../errors/pgr-error.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING = new Set([0x7b, 0x5b])
const CLOSING = new Set([0x7d, 0x5d])

/** Of an answer of the API: in the envelope, in its list. */
const ELEMENT_DEPTH = 3

/**
 * The elements of the list in an answer of the API, one by one as they come, so that nobody has to hold all of it. Throws
 * PGR_BODY_MALFORMED for an answer that ends before its time, PGR_LIMIT_EXCEEDED for an element that is too long.
 */
export async function* elementsOf(
  pieces: AsyncIterable<Uint8Array>,
  name: string,
  longestBytes: number,
): AsyncGenerator<string> {
  let depth = 0
  let inText = false
  let isEscaped = false
  let parts: Uint8Array[] = []
  let bytes = 0
  for await (const piece of pieces) {
    let from = 0
    for (let at = 0; at < piece.length; at++) {
      const code = piece[at] as number
      if (inText) {
        if (isEscaped) isEscaped = false
        else if (code === BACKSLASH) isEscaped = true
        else if (code === QUOTE) inText = false
      } else if (code === QUOTE) {
        inText = true
      } else if (OPENING.has(code)) {
        depth++
        if (depth === ELEMENT_DEPTH) from = at
      } else if (CLOSING.has(code)) {
        depth--
        if (depth !== ELEMENT_DEPTH - 1) continue
        yield Buffer.concat([...parts, piece.subarray(from, at + 1)]).toString()
        parts = []
        bytes = 0
      }
    }
    if (depth < ELEMENT_DEPTH) continue
    parts.push(piece.subarray(from))
    bytes += piece.length - from
    if (bytes > longestBytes)
      throw new PgrError('PGR_LIMIT_EXCEEDED', `${name} has a group of more than ${longestBytes} bytes`)
  }
  if (depth > 0 || inText) throw new PgrError('PGR_BODY_MALFORMED', `the answer of ${name} was cut off`)
}
