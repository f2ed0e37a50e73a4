import { endLine, headerLine, unitLine } from '../formats/ndjson/index.ts'
import type { GatewaySource } from './source.ts'

/** Characters handed over in one piece. */
const PIECE_LENGTH = 256 * 1024

const NOTHING_DONE: ReadonlySet<string> = new Set()

/** An export of everything a source gives, as text, some lines at a time. */
export async function* exportLines(
  source: GatewaySource,
  onProgress: (units: number) => void,
): AsyncGenerator<string> {
  let text = headerLine(source.header)
  let units = 0
  for await (const piece of source.pieces(NOTHING_DONE)) {
    for (const unit of piece.units) {
      text += unitLine(unit)
      units++
    }
    onProgress(units)
    if (text.length < PIECE_LENGTH) continue
    yield text
    text = ''
  }
  yield text + endLine({ units })
}
