import { type Info, infoNumber } from './info.ts'

/** Where the replication history of the server stood, read after the last data. */
export interface HistoryMark {
  /** Empty where a provider hides it. */
  readonly id: string
  readonly offset: number
  readonly previousId: string
  /** Up to where the present history agrees with the previous one; -1 = no previous one. */
  readonly branchedAt: number
  /** Counts connections, for servers that hide the rest. */
  readonly connection: number
}

export function markOf(info: Info, connection: number): HistoryMark {
  return {
    id: info.get('master_replid') ?? '',
    offset: infoNumber(info, 'master_repl_offset'),
    previousId: info.get('master_replid2') ?? '',
    branchedAt: infoNumber(info, 'second_repl_offset'),
    connection,
  }
}

/**
 * Whether the history at `now` contains all that was seen up to `seen`: the same history and not behind, or one that
 * branched off it after. Without ids only an unbroken connection proves it.
 */
export function continues(seen: HistoryMark, now: HistoryMark): boolean {
  if (now.id === '' || seen.id === '') return seen.connection === now.connection && seen.id === now.id
  if (now.id === seen.id) return now.offset >= seen.offset
  return now.previousId === seen.id && now.branchedAt > seen.offset
}
