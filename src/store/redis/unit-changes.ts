import { keptBytes } from '../../wire/kept-bytes.ts'
import type { SetChange, SetPage, UnitChange } from '../store.ts'
import { decodeGroup, decodeHeader } from './codec.ts'
import { misconfigured } from './failures.ts'
import type { KnownSets } from './known-sets.ts'
import { asList, bytesAt, listAt, numberAt, type Reply, textAt } from './reply.ts'
import { decodeFamilies, decodePageTable, decodeSlots, setHeader } from './set-codec.ts'

interface Context {
  readonly epoch: string
  /** Version up to which the reader knows everything. */
  readonly base: number
  readonly whole: boolean
  readonly known: KnownSets
}

/**
 * Blobs of a group are kept together up to this size: what came together mostly goes together, and one copy is cheaper than
 * one of each. Of more, a few that stay must not keep all the rest.
 */
const MOST_TOGETHER = 16 * 1024

/** One unit as `since` tells it. */
export function decodeUnit(unit: Reply, context: Context): UnitChange {
  const id = textAt(unit, 0)
  if (unit.length === 2) return { kind: 'gone', id, version: numberAt(unit, 1) }
  if (id.startsWith('S')) return decodeSet(id, unit, context)
  const joined = bytesAt(unit, 3)
  const isSmall = joined.length <= MOST_TOGETHER
  const blobs = isSmall ? keptBytes(joined) : joined
  let at = 0
  const change = decodeGroup(id, bytesAt(unit, 2), ({ name, version, bytes }) => {
    if (version <= context.base) return undefined
    const start = at
    at += bytes - Buffer.byteLength(name)
    const blob = blobs.subarray(start, at)
    return isSmall ? blob : keptBytes(blob)
  })
  if (at !== blobs.length) throw misconfigured('redis holds a group without all of its families')
  return change
}

function decodeSet(id: string, unit: Reply, { epoch, base, whole, known: sets }: Context): SetChange {
  const header = decodeHeader(bytesAt(unit, 2))
  const isNew = whole || setHeader(header).born > base
  const known = sets.open(id, epoch)
  const pages: SetPage[] = []
  for (let i = 4; i < unit.length; i++) {
    const part = asList(unit[i])
    const number = numberAt(part, 0)
    const [row] = decodePageTable(bytesAt(part, 1))
    if (row === undefined) continue
    const page = known.page(number, row.incarnation)
    known.learn(number, page, bytesAt(part, 2))
    const blobs = new Map<number, Uint8Array>()
    const list = listAt(part, 4)
    for (let j = 0; j + 1 < list.length; j += 2) blobs.set(numberAt(list, j), keptBytes(bytesAt(list, j + 1)))
    const metrics = decodeSlots(bytesAt(part, 3), page.entries, (slot) => blobs.get(slot))
    if (metrics.length > 0 || !isNew) pages.push({ number, metrics })
  }
  sets.touch(id)
  const { version, labels, createdMs, protocol, pushedMs } = header
  return {
    kind: 'set',
    id,
    version,
    labels,
    createdMs,
    protocol,
    pushedMs,
    whole: isNew,
    families: decodeFamilies(bytesAt(unit, 3)),
    pages,
  }
}
