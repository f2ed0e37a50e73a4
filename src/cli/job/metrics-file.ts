import { closeSync, constants, fstatSync, openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BodyFormat, detectFormat } from '../../client/body.ts'
import { readBody, refuseTimestamps } from '../../client/check.ts'
import { PgrError } from '../../errors/pgr-error.ts'

/** Metrics that a command wrote for its run. */
export interface WrittenMetrics {
  readonly body: Uint8Array
  readonly format: BodyFormat
}

/** As much as a gateway takes unless told otherwise. */
const LONGEST_BYTES = 16 * 1024 * 1024
/** For messages: what the command knows it by. */
const NAME = 'PGR_METRICS_FILE'

/** An empty file for a command to write metrics to. Throws what making it throws. */
export function makeMetricsFile(folder: string): string {
  const path = join(folder, 'metrics.prom')
  writeFileSync(path, '', { flag: 'wx', mode: 0o600 })
  return path
}

/**
 * Reads what a command wrote, undefined when it wrote nothing. Throws PGR_PUSH_INVALID for what is no file, cannot be
 * read or holds one of the names given, PGR_BODY_TOO_LARGE, and PGR_BODY_MALFORMED with the position.
 */
export function readWrittenMetrics(path: string, taken: ReadonlySet<string>): WrittenMetrics | undefined {
  const body = readBounded(path)
  if (body === undefined || body.length === 0) return undefined
  const format = detectFormat(body)
  const families = readBody({ name: NAME, body, format })
  refuseTimestamps(NAME, families)
  const clash = families.find(({ name }) => taken.has(name))
  if (clash)
    refuse(`${clash.name} is pushed by pgr itself; give it another name, or give pgr another --prefix`)
  return { body, format }
}

/** One body of both; metrics of a run are lines that either format has. */
export function joinMetrics(own: string, { body, format }: WrittenMetrics): WrittenMetrics {
  return { format, body: Buffer.concat([Buffer.from(own), body]) }
}

/** Undefined when there is no such file any more. */
function readBounded(path: string): Uint8Array | undefined {
  let fd: number
  try {
    // A pipe is not waited for, and what stands elsewhere is not followed to.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (reason) {
    const code = reason instanceof Error && 'code' in reason ? reason.code : undefined
    if (code === 'ENOENT') return undefined
    const why = code === 'ELOOP' ? 'it is a symbolic link; write into the file itself' : String(reason)
    return refuse(`it cannot be read: ${why}`)
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) refuse('it is no file any more')
    // One more than is taken, so that what grows meanwhile shows.
    const buffer = Buffer.alloc(Math.min(stat.size, LONGEST_BYTES) + 1)
    let bytes = 0
    while (bytes < buffer.length) {
      const read = readSync(fd, buffer, bytes, buffer.length - bytes, null)
      if (read === 0) break
      bytes += read
    }
    if (bytes > LONGEST_BYTES) {
      throw new PgrError('PGR_BODY_TOO_LARGE', `${NAME}: it has more than ${LONGEST_BYTES} bytes`)
    }
    if (bytes > stat.size) refuse('it is still being written to')
    return buffer.subarray(0, bytes)
  } finally {
    closeSync(fd)
  }
}

function refuse(message: string): never {
  throw new PgrError('PGR_PUSH_INVALID', `${NAME}: ${message}`)
}
