import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new folder that nobody else may look into. Throws what making it throws. */
export function makePrivateFolder(): string {
  return mkdtempSync(join(tmpdir(), 'pgr-job-'))
}

export function removePrivateFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch {
    // Something of it is held by somebody else; the system clears such folders.
  }
}
