import { PgrError } from '../errors/pgr-error.ts'

export interface Line {
  /** The first is 1. */
  readonly number: number
  /** Without its end. */
  readonly text: string
}

/** A group with everything in it is one line; gateways take bodies of 64 MiB unless told otherwise. */
const LONGEST_LINE_BYTES = 64 * 1024 * 1024

const LINE_END = 0x0a

/** Cuts a stream into lines, the last of which needs no end. Throws PGR_LIMIT_EXCEEDED for one that is too long. */
export async function* linesOf(
  pieces: AsyncIterable<Uint8Array>,
  name: string,
  longestBytes = LONGEST_LINE_BYTES,
): AsyncGenerator<Line> {
  let number = 1
  let parts: Uint8Array[] = []
  let bytes = 0
  function keep(part: Uint8Array): void {
    bytes += part.length
    if (bytes > longestBytes)
      throw new PgrError(
        'PGR_LIMIT_EXCEEDED',
        `${name}:${number}: the line has more than ${longestBytes} bytes, which no group has`,
      )
    parts.push(part)
  }
  function take(): Line {
    const line = { number, text: Buffer.concat(parts).toString() }
    number++
    parts = []
    bytes = 0
    return line
  }
  for await (const piece of pieces) {
    let from = 0
    for (let end = piece.indexOf(LINE_END); end !== -1; end = piece.indexOf(LINE_END, from)) {
      keep(piece.subarray(from, end))
      yield take()
      from = end + 1
    }
    if (from < piece.length) keep(piece.subarray(from))
  }
  if (bytes > 0) yield take()
}
