import { deleteGroup } from '../api/ask.ts'
import type { Group } from '../api/types.ts'
import { announce } from '../state/announce.ts'
import { ConfirmDialog } from './dialog.tsx'
import { countOf, showLabels } from './format.ts'
import { LabelBadges } from './labels.tsx'

/** Asks whether a group is to be deleted, and does it. */
export function DeleteGroup({
  group,
  onClose,
}: {
  readonly group: Group & { readonly path: string }
  onClose(done: boolean): void
}) {
  const close = (done: boolean): void => {
    if (done) announce(`Deleted group ${showLabels(group.labels)}`)
    onClose(done)
  }
  return (
    <ConfirmDialog
      title="Delete this group?"
      verb="Delete"
      act={() => deleteGroup(group.path)}
      onClose={close}
    >
      <p>
        <LabelBadges labels={group.labels} />
      </p>
      <p>
        {countOf(group.series, 'series', 'series')} in {countOf(group.families, 'metric')} will be gone from
        the next scrape on, on every replica. The next push under these labels brings the group back.
      </p>
    </ConfirmDialog>
  )
}

/** Whether a group can be deleted: series sets have no path. */
export function canDelete(group: Group): group is Group & { readonly path: string } {
  return group.path !== null
}
