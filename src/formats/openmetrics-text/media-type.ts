import type { EscapingScheme } from '../../model/names.ts'

/** Media type of the format, in requests and answers. */
export const MEDIA_TYPE = 'application/openmetrics-text'

/** Two versions that differ in name only: scrapers from before 1.0 ask for 0.0.1. */
export type Version = '1.0.0' | '0.0.1'

/** Value of the Content-Type header. */
export function contentTypeOf(version: Version, escaping: EscapingScheme): string {
  return `${MEDIA_TYPE}; version=${version}; charset=utf-8; escaping=${escaping}`
}
