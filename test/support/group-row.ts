import type { GroupRow } from '../../src/client/read-api.ts'

/** A group as the read API lists it. */
export function groupRow(more: Partial<GroupRow> = {}): GroupRow {
  return {
    id: 'gAAAAAAAAAAAAAAAAAAAAAA',
    kind: 'group',
    labels: { instance: 'db1', job: 'backup' },
    path: '/metrics/job/backup/instance/db1',
    series: 3,
    families: 2,
    protocol: 'text',
    last_push: '2026-11-27T19:59:00.000Z',
    last_failure: null,
    failure_reason: null,
    last_push_successful: true,
    expires: '2026-11-27T20:04:00.000Z',
    ...more,
  }
}
