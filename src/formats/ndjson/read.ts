import { PgrError } from '../../errors/pgr-error.ts'
import { labelValue } from '../../model/labels.ts'
import { readFamily, readLabels } from './read-family.ts'
import { type ExportEnd, type ExportedUnit, type ExportHeader, FORMAT, VERSION } from './record.ts'
import { asCount, asInstant, asList, asObject, asWord, type Members, Misshapen, optional } from './shape.ts'

/**
 * Reads the first line. Throws PGR_BODY_MALFORMED when it is not that of an export, or of a version that is not known
 * here; `where` names the line.
 */
export function readHeader(text: string, where: string): ExportHeader {
  return reading(where, () => {
    const members = readObject(text)
    const { format, version } = members
    if (format !== FORMAT)
      throw new Misshapen(`is not the first line of an export, which says "format":"${FORMAT}"`)
    if (version !== VERSION)
      throw new Misshapen(
        `is of version ${JSON.stringify(version)?.slice(0, 20)} of the format, and this pgr reads ${VERSION}: import it with the one that wrote it, or a newer one`,
      )
    const units = optional(members['units'], (given) => asCount(given, 'the number of lines'))
    return {
      exportedMs: asInstant(members['exported'], 'the time of the export'),
      from: asWord(members['from'], ['pgr', 'pushgateway'], 'the source of the export'),
      ...(units !== undefined && { units }),
    }
  })
}

/** Reads any line but the first; the last one is the end. Throws PGR_BODY_MALFORMED. */
export function readLine(text: string, where: string): ExportedUnit | ExportEnd {
  return reading(where, () => {
    const members = readObject(text)
    return members['end'] === true
      ? { units: asCount(members['units'], 'the number of lines') }
      : readUnit(members)
  })
}

function readUnit(members: Members): ExportedUnit {
  const kind = asWord(members['kind'], ['group', 'set'], 'the kind')
  const labels = readLabels(members['labels'], 'the labels')
  if (kind === 'group' && !labelValue(labels, 'job')) throw new Misshapen('a group has no label job')
  const lots = asList(members['families'], 'the list of families').map((family) => {
    const ttlMs = optional(asObject(family, 'a family')['ttl_ms'], (given) =>
      asCount(given, 'a remaining lifetime'),
    )
    return { ttlMs: ttlMs ?? 0, family: readFamily(family) }
  })
  return {
    kind,
    labels,
    pushedMs: optional(members['pushed'], (given) => asInstant(given, 'the time of the last push')) ?? 0,
    lots,
  }
}

function readObject(text: string): Members {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Misshapen('is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Misshapen('is not a JSON object')
  return value as Members
}

function reading<T>(where: string, read: () => T): T {
  try {
    return read()
  } catch (reason) {
    if (!(reason instanceof Misshapen)) throw reason
    throw new PgrError('PGR_BODY_MALFORMED', `${where}: ${reason.message}`, { cause: reason })
  }
}
