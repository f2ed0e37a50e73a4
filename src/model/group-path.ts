import type { Labels } from './labels.ts'
import { escapeLabelName } from './names.ts'

/**
 * Path under which a group is pushed, below the gateway's own: `/metrics/job/<job>{/<label>/<value>}`, the job first and the
 * other labels in the order given. A name of more than letters, digits and `_` is spelled in the `values` escaping.
 */
export function writeGroupPath(labels: Labels): string {
  const isJob = ({ name }: Labels[number]) => name === 'job'
  const pairs = [...labels.filter(isJob), ...labels.filter((label) => !isJob(label))]
  return `/metrics${pairs.map(writePair).join('')}`
}

function writePair({ name, value }: Labels[number]): string {
  const label = escapeLabelName(name, 'values')
  return isPlain(value) ? `/${label}/${encodeURIComponent(value)}` : `/${label}@base64/${base64Url(value)}`
}

/**
 * A slash would split the value, an empty one would vanish, and dots alone are taken for steps in the path by everything
 * that normalises URLs, percent-encoded or not.
 */
function isPlain(value: string): boolean {
  return value !== '' && value !== '.' && value !== '..' && !value.includes('/')
}

/** A single `=` stands for the empty value: an empty path component would not survive. */
function base64Url(value: string): string {
  return value === '' ? '=' : Buffer.from(value).toString('base64url')
}
