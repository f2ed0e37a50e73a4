import type { GroupRow } from '../client/read-api.ts'

/** What became of a group or series set between two looks. */
export interface GroupEvent {
  /** The store's clock at the second look. */
  readonly at: string
  /** `gone`: expired or removed, which a look cannot tell apart. */
  readonly event: 'new' | 'pushed' | 'failed' | 'gone'
  readonly group: GroupRow
}

/** Compares two looks, in the order of the second; what is gone comes last. */
export function groupEvents(
  before: ReadonlyMap<string, GroupRow>,
  groups: readonly GroupRow[],
  at: string,
): GroupEvent[] {
  const events: GroupEvent[] = []
  const here = new Set<string>()
  for (const group of groups) {
    here.add(group.id)
    const event = eventOf(before.get(group.id), group)
    if (event !== undefined) events.push({ at, event, group })
  }
  for (const [id, group] of before) if (!here.has(id)) events.push({ at, event: 'gone', group })
  return events
}

function eventOf(before: GroupRow | undefined, group: GroupRow): GroupEvent['event'] | undefined {
  if (before === undefined) return group.last_push_successful ? 'new' : 'failed'
  if (group.last_failure !== before.last_failure && !group.last_push_successful) return 'failed'
  return group.last_push !== before.last_push ? 'pushed' : undefined
}
