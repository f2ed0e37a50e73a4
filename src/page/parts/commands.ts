import type { Group } from '../api/types.ts'
import { shellWord } from './format.ts'

/** The address of a path of the gateway, as this page was reached. */
export function addressOf(path: string): string {
  return new URL(path.replace(/^\//, ''), document.baseURI).href
}

/** Replaces metrics of a group by those of a file. */
export function pushCommand(path: string): string {
  return `curl --fail-with-body --data-binary @metrics.txt ${shellWord(addressOf(path))}`
}

export function deleteCommand(path: string): string {
  return `curl --fail-with-body -X DELETE ${shellWord(addressOf(path))}`
}

/** Reads a group with everything in it. */
export function readCommand(id: string): string {
  return `curl --fail-with-body ${shellWord(addressOf(`api/v1/groups/${encodeURIComponent(id)}`))}`
}

/** What "copy as curl" gives: how it is pushed, or read where it cannot be pushed under a path. */
export function commandOf({ id, path }: Pick<Group, 'id' | 'path'>): string {
  return path === null ? readCommand(id) : pushCommand(path)
}
