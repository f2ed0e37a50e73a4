import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
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
    `| case | fault | command | acknowledged | lost | told | written again | errors for | first ack | verdict |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
| F2 | kill -9, nothing on disk | \`npm run test:faults -- -t "F2:"\` | 12,345 | 1,200 | 1,200 | 0 | 0.4 s | 0.1 s | holds |
| F10 | a \\| b | \`npm run test:faults -- -t "F10:"\` | 12,345 | 1,200 | 1,200 | 0 | none | 0.1 s | 2 violations |
`,
  )
})

it('has room for every case: no two have one id, and each has a row on the page', () => {
  const files = readdirSync(import.meta.dirname).filter((name) => name !== 'fault-table.test.ts')
  const sources = files
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  const ids = sources.flatMap((text) =>
    [...text.matchAll(/'(F[1-9]\d*[a-z]?(?:-\w+)?)'/g)].map(([, id]) => id),
  )
  expect(ids.length).toBeGreaterThan(50)
  const page = readFileSync(join(import.meta.dirname, '../../docs/fault-tolerance.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (F\d\S*) \|/gm)].map(([, id]) => id)
  expect([...rows].sort()).toEqual([...ids].sort())
})
