import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A script as it is sent: the text with everything included, and the name Redis knows it by. */
export interface Script {
  readonly name: string
  readonly source: string
  readonly sha: string
}

/** Every script, by the operation it is. What goes in and what comes back stands on top of each file. */
export const scripts = {
  writeGroups: load('write-groups'),
  failGroup: load('fail-group'),
  writeSet: load('write-set'),
  tidySet: load('tidy-set'),
  remove: load('remove'),
  wipe: load('wipe'),
  sweep: load('sweep'),
  positions: load('positions'),
  since: load('since'),
  init: load('init'),
  configure: load('configure'),
  announce: load('announce'),
  recall: load('recall'),
  replayGroup: load('replay-group'),
  removeBefore: load('remove-before'),
  wipeBefore: load('wipe-before'),
} as const

function load(name: string): Script {
  const source = read(`./scripts/${name}.lua`)
    .replaceAll(/^-- include ([a-z-]+)$/gm, (_line, part: string) => read(`./scripts/includes/${part}.lua`))
    .trimEnd()
  return { name, source, sha: createHash('sha1').update(source).digest('hex') }
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}
