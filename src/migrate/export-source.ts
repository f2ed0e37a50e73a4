import { createHash } from 'node:crypto'
import { PgrError } from '../errors/pgr-error.ts'
import { type ExportedUnit, type ExportHeader, readHeader, readLine } from '../formats/ndjson/index.ts'
import { type Line, linesOf } from './lines.ts'
import { type GatewaySource, pieceOf, type Source } from './source.ts'

/** An export that is being read. */
export interface OpenExport {
  readonly header: ExportHeader
  /** The first line as it stands there. */
  readonly head: string
  /** Throws PGR_BODY_MALFORMED, naming the line, for what is broken or was cut off. */
  readonly units: AsyncGenerator<{ readonly line: number; readonly unit: ExportedUnit }>
  close(): Promise<void>
}

/** Reads the first line. Throws PGR_BODY_MALFORMED when there is none, or it is no export that is known here. */
export async function openExport(pieces: AsyncIterable<Uint8Array>, name: string): Promise<OpenExport> {
  const lines = linesOf(pieces, name)
  const { value: first } = await lines.next()
  if (first === undefined) throw malformed(`${name}:1: there is nothing in it`)
  const header = readHeader(first.text, `${name}:1`)
  return {
    header,
    head: first.text,
    units: unitsOf(lines, name),
    close: async () => void (await lines.return(undefined)),
  }
}

async function* unitsOf(lines: AsyncIterable<Line>, name: string): OpenExport['units'] {
  let units = 0
  let last = 1
  let isEnded = false
  for await (const { number, text } of lines) {
    const where = `${name}:${number}`
    if (isEnded) throw malformed(`${where}: there is more behind the last line of the export`)
    last = number
    const read = readLine(text, where)
    if ('kind' in read) {
      units++
      yield { line: number, unit: read }
      continue
    }
    isEnded = true
    if (read.units !== units)
      throw malformed(`${where}: it says that ${read.units} lines stand before it, and there are ${units}`)
  }
  if (!isEnded)
    throw malformed(`${name}:${last}: the last line of the export does not follow: the file was cut off`)
}

function malformed(message: string): PgrError {
  return new PgrError('PGR_BODY_MALFORMED', message)
}

/** Lines of a file, or of whatever else gives an export as bytes. */
export async function openFileSource(pieces: AsyncIterable<Uint8Array>, name: string): Promise<Source> {
  const opened = await openExport(pieces, name)
  return {
    name,
    identity: `export ${createHash('sha256').update(opened.head).digest('base64url')}`,
    total: opened.header.units,
    async *pieces(done) {
      for await (const { line, unit } of opened.units) {
        const key = String(line)
        yield { key, units: done.has(key) ? [] : [unit] }
      }
    },
    close: opened.close,
  }
}

/** What a gateway exports. */
export async function openGatewaySource(
  pieces: AsyncIterable<Uint8Array>,
  name: string,
): Promise<GatewaySource> {
  const opened = await openExport(pieces, name)
  return {
    name,
    identity: `gateway ${name}`,
    header: opened.header,
    total: opened.header.units,
    async *pieces(done) {
      for await (const { unit } of opened.units) yield pieceOf(unit, done)
    },
    close: opened.close,
  }
}
