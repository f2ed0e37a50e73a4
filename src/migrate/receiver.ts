import { askApi } from '../client/ask.ts'
import { askStream } from '../client/stream.ts'
import type { Target } from '../client/target.ts'
import { openExport } from './export-source.ts'
import { elementsOf } from './json-elements.ts'
import { askPushgateway, LONGEST_GROUP_BYTES } from './open-gateway-source.ts'
import type { Receiver } from './plan.ts'
import { readGroupLabels } from './pushgateway-group.ts'
import { keyOf } from './source.ts'

/** What stands at an address. */
export interface FoundReceiver {
  readonly kind: Receiver['kind']
  /** The groups it holds, by `keyOf`. */
  listHeld(): Promise<ReadonlySet<string>>
}

const LABELS = { path: '/api/v1/export', query: [['only', 'labels']] } as const

/** Looks at what is to receive before anything is sent. Throws what asking throws. */
export async function findReceiver(target: Target, timeoutMs: number): Promise<FoundReceiver> {
  const options = { timeoutMs, accept: 'application/x-ndjson' }
  const head = await askStream(target, { ...LABELS, method: 'HEAD' }, options)
  if (head !== undefined) return { kind: 'pgr', listHeld: () => listPgr(target, options) }
  await askApi(target, { path: '/api/v1/status' }, { timeoutMs })
  return { kind: 'pushgateway', listHeld: () => listPushgateway(target, timeoutMs) }
}

async function listPgr(
  target: Target,
  options: Parameters<typeof askStream>[2],
): Promise<ReadonlySet<string>> {
  const held = new Set<string>()
  const listing = await askStream(target, LABELS, options)
  if (listing === undefined) return held
  const { units } = await openExport(listing, target.base)
  for await (const { unit } of units) if (unit.kind === 'group') held.add(keyOf('group', unit.labels))
  return held
}

async function listPushgateway(target: Target, timeoutMs: number): Promise<ReadonlySet<string>> {
  const held = new Set<string>()
  const groups = await askPushgateway(target, timeoutMs)
  for await (const element of elementsOf(groups, target.base, LONGEST_GROUP_BYTES))
    held.add(keyOf('group', readGroupLabels(element, target.base)))
  return held
}
