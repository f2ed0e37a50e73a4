import { readFileSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'

/** What reading files anew needs of the system. */
export interface Files {
  /** Throws when it cannot be read. */
  read(path: string): string
  /** Changes with the file; never throws. */
  stamp(path: string): string
  /** As `stamp`, without waiting for a slow disk. */
  stampLater(path: string): Promise<string>
}

/** Far above any certificate or list of users. */
const LONGEST_BYTES = 1024 * 1024

/** The files of this machine. A link that points elsewhere is a change. */
export const disk: Files = {
  read(path) {
    const { size } = statSync(path)
    if (size > LONGEST_BYTES)
      throw new Error(`${path} has ${size} bytes, more than the ${LONGEST_BYTES} expected of it`)
    return readFileSync(path, 'utf8')
  },
  stamp(path) {
    try {
      return stampOf(statSync(path, { bigint: true }))
    } catch {
      return 'none'
    }
  },
  async stampLater(path) {
    try {
      return stampOf(await stat(path, { bigint: true }))
    } catch {
      return 'none'
    }
  },
}

function stampOf({ mtimeNs, size, ino }: { mtimeNs: bigint; size: bigint; ino: bigint }): string {
  return `${mtimeNs} ${size} ${ino}`
}

export interface Rereading<Value> {
  /** As last read without a fault. */
  readonly value: Value
  /** Looks for changes; for a timer. */
  look(): Promise<void>
  /** Reads all files, changed or not. Throws what is wrong, and the old value stays. */
  readNow(): void
}

export interface Reread<Value> {
  /** Reads all there is to read by the function it is given, and throws when something is wrong. */
  load(read: (path: string) => string): Value
  /** A new value is there. Throws when it cannot be taken over. */
  changed(value: Value): void
  failed(reason: unknown): void
}

/**
 * Reads a value from files, and again whenever one of them changes. What is wrong at first is thrown; later the old value
 * stays, and a fault that is still there at the next look is told: files that belong together are not written at once.
 */
export function readAndReread<Value>(
  { load, changed, failed }: Reread<Value>,
  files: Files,
): Rereading<Value> {
  let stamps = new Map<string, string>()
  let fault: { readonly reason: unknown } | undefined

  /** Stamps are taken before what they stand for is read: a change in between is found at the next look. */
  function readAll(): Value {
    const seen = new Map<string, string>()
    const before = stamps
    stamps = seen
    try {
      return load((path) => {
        seen.set(path, files.stamp(path))
        return files.read(path)
      })
    } catch (reason) {
      // A reading that failed half-way still watches what the one before it named.
      for (const path of before.keys()) if (!seen.has(path)) seen.set(path, files.stamp(path))
      throw reason
    }
  }

  async function isChanged(): Promise<boolean> {
    for (const [path, stamp] of stamps) if ((await files.stampLater(path)) !== stamp) return true
    return false
  }

  function takeOver(): void {
    fault = undefined
    try {
      const next = readAll()
      changed(next)
      value = next
    } catch (reason) {
      fault = { reason }
      throw reason
    }
  }

  let value = readAll()
  return {
    get value() {
      return value
    },
    readNow: takeOver,
    async look() {
      if (await isChanged()) {
        try {
          takeOver()
        } catch {
          // Told when it is still there at the next look.
        }
      } else if (fault !== undefined) {
        failed(fault.reason)
        fault = undefined
      }
    },
  }
}
