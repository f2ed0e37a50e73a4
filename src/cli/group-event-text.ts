import type { GroupEvent } from './group-changes.ts'
import { labelsText } from './groups-table.ts'
import type { Paint, Screen } from './screen.ts'
import { tableText } from './table.ts'

const PAINTS: Readonly<Record<GroupEvent['event'], Paint>> = {
  new: 'green',
  pushed: 'plain',
  failed: 'red',
  gone: 'yellow',
}

/** One line, fields between tabs. */
export function eventText({ at, event, group }: GroupEvent, screen: Screen): string {
  const row = [
    { raw: at },
    { raw: event, paint: PAINTS[event] },
    { raw: group.kind },
    { raw: labelsText(group.labels) },
    { raw: String(group.series) },
    { raw: event === 'failed' ? (group.failure_reason ?? '') : '' },
  ]
  return tableText([], [row], { ...screen, isTerminal: false })
}
