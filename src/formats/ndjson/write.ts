import { familyValue, labelsValue } from './family.ts'
import { type ExportEnd, type ExportedUnit, type ExportHeader, FORMAT, VERSION } from './record.ts'

/**
 * Lines of an export, each a JSON object and a line end: one header, a line for every group and set, and one end.
 */
export function headerLine({ exportedMs, from, units }: ExportHeader): string {
  const exported = new Date(exportedMs).toISOString()
  return line({ format: FORMAT, version: VERSION, exported, from, ...(units === undefined ? {} : { units }) })
}

export function unitLine({ kind, labels, pushedMs, lots }: ExportedUnit): string {
  return line({
    kind,
    labels: labelsValue(labels),
    ...(pushedMs === 0 ? {} : { pushed: new Date(pushedMs).toISOString() }),
    families: lots.map(({ ttlMs, family }) => ({
      ...familyValue(family),
      ...(ttlMs === 0 ? {} : { ttl_ms: ttlMs }),
    })),
  })
}

export function endLine({ units }: ExportEnd): string {
  return line({ end: true, units })
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`
}
