import { confirm } from './confirm.ts'
import { writeJson, writeLine } from './output.ts'
import type { Removal } from './removal.ts'

/** The flags of commands that remove. */
export interface DestroyFlags {
  readonly yes: boolean
  readonly 'dry-run': boolean
  readonly json: boolean
}

/** Tells what would go, or asks, removes and tells what went: on stderr for people, on stdout as JSON. */
export async function destroy(removal: Removal, word: string, flags: DestroyFlags): Promise<void> {
  const { what, count } = removal
  const isNothing = count.groups + count.sets === 0
  if (flags['dry-run'] || isNothing) {
    if (flags.json) writeJson({ ...count, dryRun: flags['dry-run'] })
    else writeLine(process.stderr, isNothing ? 'there is nothing to remove' : `this would remove ${what}`)
    return
  }
  await confirm({ input: process.stdin, output: process.stderr }, { what, word, yes: flags.yes })
  const removed = await removal.act()
  if (flags.json) writeJson({ ...removed, dryRun: false })
  else if (process.stderr.isTTY) writeLine(process.stderr, 'removed')
}
