/**
 * What is pushed, by kind: each makes the path and the body for a group. `version` changes values and nothing else, so that
 * a push of another version is a change to every series in it.
 */

const FAMILIES = 10
const SERIES_PER_FAMILY = 10

/** What a batch job tells about itself: three series. */
function three(group, version) {
  return { path: `/metrics/job/bench/instance/i${group}`, body: threeSeries(group + version) }
}

/** A hundred series in ten families, about 118 bytes each. */
function hundred(group, version) {
  let body = ''
  for (let family = 0; family < FAMILIES; family++) {
    const name = `metric_family_${family}_total`
    body += `# TYPE ${name} counter\n`
    for (let i = 0; i < SERIES_PER_FAMILY; i++) {
      const host = `host-${(group * 7919 + i * 31) % 100_000}.example.com`
      const path = `/api/v1/resource/${(group * 31 + family * 17 + i) % 5000}`
      body += `${name}{shard="${i}",host="${host}",path="${path}"} ${group * 1000 + family * 10 + i + version}\n`
    }
  }
  return { path: pathOfHundred(group), body }
}

/** Three series, to a group that has a hundred others. */
function beside(group, version) {
  return { path: pathOfHundred(group), body: threeSeries(group + version) }
}

/** A hundred series of 118 bytes whose labels no compression finds anything in. */
function random(group, version) {
  let body = ''
  for (let family = 0; family < FAMILIES; family++) {
    body += `# TYPE requests_handled_${family} gauge\n`
    for (let i = 0; i < SERIES_PER_FAMILY; i++) {
      const series = (group * FAMILIES + family) * SERIES_PER_FAMILY + i
      body += `requests_handled_${family}{host="${noise(series, 22)}",path="/${noise(~series, 46)}"} ${series + version + 0.125}\n`
    }
  }
  return { path: `/metrics/job/batch_${group}/instance/${noise(group, 10)}`, body }
}

export const KINDS = { three, hundred, beside, random }

function pathOfHundred(group) {
  return `/metrics/job/batch_${group}/instance/node-${group}`
}

function threeSeries(n) {
  return `# TYPE job_last_success gauge\njob_last_success ${n}\njob_duration_seconds ${n % 97}\njob_records{kind="in"} ${n * 3}\n`
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The same text for the same seed: xorshift, far cheaper than a hash. */
function noise(seed, length) {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1
  let text = ''
  for (let i = 0; i < length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    text += LETTERS[(state >>> 8) & 63]
  }
  return text
}

/** The bytes of a request on a connection that stays. */
export function requestOf({ kind, method }, group, version) {
  const { path, body } = KINDS[kind](group, version)
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** Numbers of the groups that a load is about. */
export function groupsOf({ from = 0, to, step = 1 }) {
  const groups = []
  for (let group = from; group < to; group += step) groups.push(group)
  return groups
}
