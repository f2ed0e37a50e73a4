import { expect, it } from 'vitest'
import { type FaultRow, renderFaultTable } from './fault-table.ts'

const row: FaultRow = {
  id: 'F2',
  name: 'kill -9, nothing on disk',
  acked: 12_345,
  lost: 1200,
  toldLost: 1200,
  resubmitted: 0,
  unknown: 3,
  longestErrorWindowMs: 420,
  firstAckMs: 57,
  violations: [],
}

it('shows the last row of each case, by number', () => {
  const rows: FaultRow[] = [
    {
      ...row,
      id: 'F10',
      name: 'a | b',
      longestErrorWindowMs: 0,
      violations: ['C1 at 5 ms: …', 'C6 at 9 ms: …'],
    },
    { ...row, acked: 1 },
    row,
  ]
  expect(renderFaultTable(`${rows.map((each) => JSON.stringify(each)).join('\n')}\n`)).toBe(
    `| case | fault | command | acknowledged | lost | told | errors for | first ack | verdict |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |
| F2 | kill -9, nothing on disk | \`npm run test:faults -- -t "F2:"\` | 12,345 | 1,200 | 1,200 | 0.4 s | 0.1 s | holds |
| F10 | a \\| b | \`npm run test:faults -- -t "F10:"\` | 12,345 | 1,200 | 1,200 | none | 0.1 s | 2 violations |
`,
  )
})
