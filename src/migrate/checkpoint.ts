import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PgrError } from '../errors/pgr-error.ts'

/**
 * What of an import is done, in a file, so that it survives the end of this process in any way. The file is JSON in lines:
 * which import it belongs to and what the target held before it, then the key of each piece that was acknowledged. What is
 * acknowledged and not in the file yet is pushed again, which changes nothing.
 */
export interface Checkpoint {
  /** Keys of the pieces that earlier runs had done. */
  readonly doneBefore: ReadonlySet<string>
  /** Groups that the target held before the import, by `keyOf`. */
  readonly held: ReadonlySet<string>
  /** Notes that a piece is done; it is in the file soon after, or when `finish` resolves. */
  done(key: string): void
  /** Writes what is noted. A file that was completed is of no more use and is removed. */
  finish(isComplete: boolean): Promise<void>
}

/** An import as its file knows it. */
export interface Identity {
  readonly source: string
  readonly target: string
}

const FORMAT = 'pgr-import'
const VERSION = 1

/** For an import that nobody can go on with: nothing is kept. */
export function withoutFile(held: ReadonlySet<string>): Checkpoint {
  return { doneBefore: new Set(), held, done() {}, finish: async () => {} }
}

/**
 * Opens the file, or begins one with what `listHeld` tells. Throws PGR_SETTING_INVALID for a file of another import, or
 * one that is no such file.
 */
export async function openCheckpoint(
  path: string,
  identity: Identity,
  listHeld: () => Promise<ReadonlySet<string>>,
): Promise<Checkpoint> {
  const before = await readBefore(path, identity)
  if (before !== undefined) return append(path, before)
  const held = await listHeld()
  await begin(path, JSON.stringify({ format: FORMAT, version: VERSION, ...identity, held: [...held] }))
  return append(path, { held, doneBefore: new Set() })
}

/** What an earlier run left behind, without going on with it. Throws as `openCheckpoint` does. */
export async function peekCheckpoint(path: string, identity: Identity): Promise<Checkpoint | undefined> {
  const before = await readBefore(path, identity)
  return before === undefined ? undefined : { ...withoutFile(before.held), doneBefore: before.doneBefore }
}

interface Before {
  readonly held: ReadonlySet<string>
  readonly doneBefore: ReadonlySet<string>
}

async function readBefore(path: string, identity: Identity): Promise<Before | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(path, 'cannot be read', reason)
  }
  const [first = '', ...lines] = text.split('\n')
  const head = parseObject(first)
  if (head?.['format'] !== FORMAT || head['version'] !== VERSION || !Array.isArray(head['held']))
    throw unusable(path, 'is no file that an import of this version left behind')
  for (const part of ['source', 'target'] as const) {
    if (head[part] === identity[part]) continue
    throw unusable(
      path,
      `belongs to an import whose ${part} is ${JSON.stringify(head[part])}, and this one's is ${JSON.stringify(identity[part])}`,
    )
  }
  // The last line may be half written, and then it was not done.
  const doneBefore = lines.slice(0, -1).flatMap((line) => {
    const key = parseObject(line)?.['done']
    return typeof key === 'string' ? [key] : []
  })
  return { held: new Set(head['held'].map(String)), doneBefore: new Set(doneBefore) }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The file is there as a whole or not at all. */
async function begin(path: string, first: string): Promise<void> {
  const draft = `${path}.new`
  try {
    const file = await open(draft, 'w', 0o600)
    try {
      await file.writeFile(`${first}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
    await syncFolder(path)
  } catch (reason) {
    throw unusable(path, 'cannot be written', reason)
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function append(path: string, { held, doneBefore }: Before): Promise<Checkpoint> {
  const file = await open(path, 'a').catch((reason) => {
    throw unusable(path, 'cannot be written', reason)
  })
  // Ends a line that was half written.
  let noted = doneBefore.size > 0 ? '\n' : ''
  let writing: Promise<void> | undefined

  async function writeNoted(): Promise<void> {
    while (noted !== '') {
      const text = noted
      noted = ''
      await writeSynced(path, file, text)
    }
    writing = undefined
  }

  return {
    doneBefore,
    held,
    done(key) {
      noted += `${JSON.stringify({ done: key })}\n`
      writing ??= writeNoted()
      // Told by `finish`.
      writing.catch(() => {})
    },
    async finish(isComplete) {
      try {
        await (writing ?? writeNoted())
      } finally {
        await file.close()
      }
      if (isComplete) await rm(path, { force: true })
    },
  }
}

async function writeSynced(path: string, file: FileHandle, text: string): Promise<void> {
  try {
    await file.appendFile(text)
    await file.datasync()
  } catch (reason) {
    throw unusable(path, 'cannot be written', reason)
  }
}

function unusable(path: string, why: string, cause?: unknown): PgrError {
  const detail = cause instanceof Error ? ` (${cause.message})` : ''
  return new PgrError(
    'PGR_SETTING_INVALID',
    `the checkpoint ${path} ${why}${detail}: name another with --checkpoint, or remove it to begin anew`,
    { cause },
  )
}
