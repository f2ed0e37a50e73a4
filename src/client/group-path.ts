/**
 * client: sending a push from outside. Pure parts (where to, what, when again) and one function that sends.
 */
import { PgrError } from '../errors/pgr-error.ts'
import { writeGroupPath } from '../model/group-path.ts'
import { isLegacyLabelName } from '../model/names.ts'

/** A grouping label as given on the command line. */
export interface GroupLabel {
  readonly name: string
  readonly value: string
}

/**
 * Path of a group below the gateway's own path: `/metrics/job/<job>{/<label>/<value>}`, labels in the order given.
 * Throws PGR_SETTING_INVALID for names no gateway accepts.
 */
export function groupPath(job: string, labels: readonly GroupLabel[]): string {
  if (job === '') refuse('the job name is empty: give --job a name')
  const seen = new Set<string>()
  for (const { name } of labels) {
    if (name === 'job') refuse('the grouping label job is given by --job')
    if (!isLegacyLabelName(name) || name.startsWith('__')) {
      refuse(
        `the grouping label name ${JSON.stringify(name)} is not one: letters, digits and _, not starting with a digit or __`,
      )
    }
    if (seen.has(name)) refuse(`the grouping label ${name} is given twice`)
    seen.add(name)
  }
  return writeGroupPath([{ name: 'job', value: job }, ...labels])
}

/** Splits `instance=a=b` at the first `=`. Throws PGR_SETTING_INVALID when there is none. */
export function parseGroupLabel(given: string): GroupLabel {
  const equals = given.indexOf('=')
  if (equals < 1) refuse(`the grouping label ${JSON.stringify(given)} has no value: write it as name=value`)
  return { name: given.slice(0, equals), value: given.slice(equals + 1) }
}

function refuse(message: string): never {
  throw new PgrError('PGR_SETTING_INVALID', message)
}
