import { PgrError } from '../errors/pgr-error.ts'
import type { ReadOptions } from '../formats/format.ts'
import { readerFor } from '../formats/index.ts'
import { type Family, type MetricBase, seriesOf } from '../model/family.ts'
import { type BodyFormat, CONTENT_TYPES } from './body.ts'

export interface BodyToCheck {
  /** For messages. */
  readonly name: string
  readonly body: Uint8Array
  readonly format: BodyFormat
  /** Whether samples may carry timestamps; those pushed into a group may not. */
  readonly timestamps: boolean
}

/** How much is allowed is for the gateway to say; here only the format counts. */
export const UNLIMITED: ReadOptions = {
  limits: {
    labelsPerSeries: Number.MAX_SAFE_INTEGER,
    nameLength: Number.MAX_SAFE_INTEGER,
    valueLength: Number.MAX_SAFE_INTEGER,
    seriesPerPush: Number.MAX_SAFE_INTEGER,
  },
  utf8Names: true,
}

/**
 * Reads a body as the gateway will and returns the number of series. Throws PGR_BODY_MALFORMED with the position, or
 * PGR_PUSH_INVALID for a body no gateway takes.
 */
export function checkBody({ timestamps, ...given }: BodyToCheck): number {
  const families = readBody(given)
  if (!timestamps) refuseTimestamps(given.name, families)
  return families.reduce((sum, family) => sum + seriesOf(family), 0)
}

/** The families of a body. Throws PGR_BODY_MALFORMED with its name and the position. */
export function readBody({ name, body, format }: Omit<BodyToCheck, 'timestamps'>): readonly Family[] {
  // OpenMetrics has to end with # EOF; a body of nothing that is sent on purpose has no end to check.
  if (body.length === 0) return []
  try {
    return readerFor(CONTENT_TYPES[format]).read(body, UNLIMITED)
  } catch (reason) {
    const error = PgrError.from(reason, 'PGR_INTERNAL')
    throw new PgrError(error.code, `${name}: ${error.message}`, { cause: reason })
  }
}

/** Throws PGR_PUSH_INVALID when one of these has a timestamp, which metrics of a group must not have. */
export function refuseTimestamps(name: string, families: readonly Family[]): void {
  for (const family of families) {
    const metrics: readonly MetricBase[] = family.metrics
    if (!metrics.some((metric) => metric.timestampMs !== undefined)) continue
    const message = `${name}: ${family.name} has a timestamp, which metrics of a group must not have; leave it out or use --protocol=ingest`
    throw new PgrError('PGR_PUSH_INVALID', message)
  }
}
