import { createReadStream, readFileSync, statSync } from 'node:fs'
import { PgrError } from '../errors/pgr-error.ts'

/** Far above what a gateway takes; only guards this process against endless input. */
const LONGEST_BODY_BYTES = 1024 * 1024 * 1024
const LONGEST_TEXT_BYTES = 1024 * 1024

export interface Input {
  /** For messages: the file, or `stdin`. */
  readonly name: string
  readonly body: Uint8Array
}

/** Standard input as far as reading it needs. */
export type Stdin = AsyncIterable<Uint8Array> & { readonly isTTY?: boolean }

/**
 * Reads what to push: the named file, or standard input for `-` or for no name. Throws PGR_SETTING_INVALID when there is
 * nothing to read from.
 */
export async function readInput(file: string | undefined, stdin: Stdin): Promise<Input> {
  if (file !== undefined && file !== '-') {
    return { name: file, body: await collect(createReadStream(file), file) }
  }
  if (file === undefined && stdin.isTTY) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      'there is nothing to push: name a file, or pipe metrics into this command',
    )
  }
  return { name: 'stdin', body: await collect(stdin, 'stdin') }
}

/** A small text file, for configuration and secrets. Throws whatever reading throws. */
export function readTextFile(path: string): string {
  const { size } = statSync(path)
  if (size > LONGEST_TEXT_BYTES)
    throw new Error(`${path} has ${size} bytes, more than the ${LONGEST_TEXT_BYTES} expected of it`)
  return readFileSync(path, 'utf8')
}

async function collect(stream: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of stream) {
      bytes += chunk.length
      if (bytes > LONGEST_BODY_BYTES) {
        throw new PgrError(
          'PGR_BODY_TOO_LARGE',
          `${name} has more than ${LONGEST_BODY_BYTES} bytes: push it in parts`,
        )
      }
      chunks.push(chunk)
    }
  } catch (reason) {
    if (reason instanceof PgrError) throw reason
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new PgrError('PGR_SETTING_INVALID', `${name} cannot be read: ${why}`, { cause: reason })
  }
  return Buffer.concat(chunks)
}
