import { PgrError } from '../errors/pgr-error.ts'
import type { SampleLimits } from '../formats/format.ts'
import { type Label, type Labels, sortLabels } from '../model/labels.ts'
import { isLegacyLabelName, isValidUtf8Name, unescapeName } from '../model/names.ts'

export interface GroupPathOptions {
  /** Allow any UTF-8 label name, spelled in the path with the `values` escaping (`U__…`). */
  readonly utf8Names: boolean
  readonly limits: Pick<SampleLimits, 'labelsPerSeries' | 'nameLength' | 'valueLength'>
}

const BASE64_SUFFIX = '@base64'
/** How many paths are remembered at least, unless their text is longer than that together. Twice as many at most. */
const MOST_PATHS = 16_384
const MOST_TEXT = 2 * 1024 * 1024
/** Longer ones are not remembered. */
const LONGEST_PATH = 512

/**
 * Reads paths as `parseGroupPath` does and remembers those seen lately: most pushes are to a group that was pushed to before,
 * and the same labels, as an object, let others remember what they made of them. `options` are asked each time.
 */
export function rememberGroupPaths(options: GroupPathOptions): (rawPath: string) => Labels {
  // Of two generations the elder goes as a whole when the younger is full; what is asked for moves to the younger.
  let younger = new Map<string, Labels>()
  let elder = new Map<string, Labels>()
  let text = 0
  let { limits, utf8Names } = options

  function remember(path: string, labels: Labels): Labels {
    if (younger.size >= MOST_PATHS || text > MOST_TEXT) {
      elder = younger
      younger = new Map()
      text = 0
    }
    younger.set(path, labels)
    text += path.length
    return labels
  }

  return (rawPath) => {
    if (options.limits !== limits || options.utf8Names !== utf8Names) {
      younger.clear()
      elder.clear()
      ;({ limits, utf8Names } = options)
    }
    const remembered = younger.get(rawPath)
    if (remembered !== undefined) return remembered
    if (rawPath.length > LONGEST_PATH) return parseGroupPath(rawPath, options)
    // A copy: a part of a text keeps all of it, here the whole of a URL with its query.
    const path = Buffer.from(rawPath, 'utf16le').toString('utf16le')
    return remember(path, elder.get(path) ?? parseGroupPath(path, options))
  }
}
const RESERVED_PREFIX = '__'

/**
 * The group that a push path names: what follows `/metrics/`, as sent, without query. It is split at its slashes first
 * and decoded after, so that an encoded slash belongs to the value it stands in. `+` is no blank. Any label, `job`
 * included, may say `@base64`; of a label that stands twice the last counts, but `job` is always the first.
 *
 * Throws PGR_PATH_INVALID in the wording that clients of Pushgateway look for, or PGR_LIMIT_EXCEEDED.
 */
export function parseGroupPath(rawPath: string, options: GroupPathOptions): Labels {
  const [jobName = '', rawJob = '', ...rest] = rawPath.split('/')
  const job = readJob(jobName, rawJob)
  const values = new Map<string, string>()
  const components = withoutTrailingSlash(rest)
  refuseOdd(components)
  for (let at = 0; at < components.length; at += 2) {
    const rawValue = components[at + 1] ?? ''
    if (components[at] === '' || (rawValue === '' && at + 2 < components.length)) refuseEmpty(rawPath)
    const { name, value } = readLabel(decode(components[at] ?? ''), rawValue, options.utf8Names)
    values.set(name, value)
  }
  values.set('job', job)
  return withinLimits(toLabels(values), options.limits)
}

function readJob(name: string, raw: string): string {
  const text = decode(raw)
  const job = name.endsWith(BASE64_SUFFIX)
    ? decodeBase64(text, () => `in job name ${JSON.stringify(text)}`)
    : text
  if (job === '') throw invalid('job name is required')
  return job
}

/** `/job/a/` is `/job/a`; with labels the last slash stands before an empty value, as in Pushgateway. */
function withoutTrailingSlash(components: readonly string[]): readonly string[] {
  return components.length === 1 && components[0] === '' ? [] : components
}

function refuseOdd(components: readonly string[]): void {
  if (components.length % 2 === 0) return
  const text = `/${components.map(decode).join('/')}`
  const hint = components.slice(0, -1).includes('') ? '; write an empty value as <label>@base64/=' : ''
  throw invalid(`odd number of components in label string ${JSON.stringify(text)}${hint}`)
}

function refuseEmpty(rawPath: string): never {
  throw invalid(
    `empty component in path ${JSON.stringify(`/metrics/${rawPath}`)}; write an empty value as <label>@base64/=`,
  )
}

function readLabel(decodedName: string, rawValue: string, utf8Names: boolean): Label {
  const isBase64 = decodedName.endsWith(BASE64_SUFFIX)
  const plainName = isBase64 ? decodedName.slice(0, -BASE64_SUFFIX.length) : decodedName
  const name = utf8Names ? unescapeName(plainName) : plainName
  const isLegal = utf8Names ? isValidUtf8Name(name) : isLegacyLabelName(name)
  if (!isLegal || name.startsWith(RESERVED_PREFIX)) {
    throw invalid(`improper label name ${JSON.stringify(plainName)}`)
  }
  const text = decode(rawValue)
  const value = isBase64 ? decodeBase64(text, () => `for label ${name}=${JSON.stringify(text)}`) : text
  return { name, value }
}

/** Bytes outside ASCII arrive as one character each and are what they would be percent-encoded. */
function decode(component: string): string {
  if (/^[\w.~!$&'()*+,;=:@-]*$/.test(component)) return component
  const encoded = component.replace(
    /[\u0080-\u00ff]/g,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  try {
    return decodeURIComponent(encoded)
  } catch (cause) {
    throw new PgrError(
      'PGR_PATH_INVALID',
      `path component ${JSON.stringify(component)} is not percent-encoded UTF-8`,
      { cause },
    )
  }
}

const NOT_BASE64 = /[^\w+/-]/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The URL alphabet (RFC 4648 section 5) and the standard one, padding optional; a lone `=` is the empty value. */
function decodeBase64(text: string, where: () => string): string {
  const digits = text.replace(/=+$/, '')
  const badAt = digits.search(NOT_BASE64)
  // A single digit at the end holds no whole byte.
  const at = badAt === -1 && digits.length % 4 === 1 ? digits.length - 1 : badAt
  if (at !== -1) throw invalid(`invalid base64 encoding ${where()}: illegal base64 data at input byte ${at}`)
  try {
    return utf8.decode(Buffer.from(digits, 'base64'))
  } catch (cause) {
    throw new PgrError('PGR_PATH_INVALID', `invalid base64 encoding ${where()}: it is not UTF-8`, { cause })
  }
}

function toLabels(values: ReadonlyMap<string, string>): Labels {
  const labels: Label[] = []
  for (const [name, value] of values) labels.push({ name, value })
  return sortLabels(labels)
}

function withinLimits(labels: Labels, limits: GroupPathOptions['limits']): Labels {
  if (labels.length > limits.labelsPerSeries) {
    throw exceeded(`the path names ${labels.length} labels`, limits.labelsPerSeries, 'push.max-labels')
  }
  for (const { name, value } of labels) {
    if (name.length > limits.nameLength) {
      throw exceeded(
        `a label name in the path has ${name.length} characters`,
        limits.nameLength,
        'push.max-name-length',
      )
    }
    if (value.length > limits.valueLength) {
      throw exceeded(
        `the value of label ${name} in the path has ${value.length} characters`,
        limits.valueLength,
        'push.max-value-length',
      )
    }
  }
  return labels
}

function exceeded(what: string, limit: number, setting: string): PgrError {
  return new PgrError(
    'PGR_LIMIT_EXCEEDED',
    `${what}, more than the limit of ${limit}; raise ${setting} if that is meant`,
  )
}

function invalid(message: string): PgrError {
  return new PgrError('PGR_PATH_INVALID', message)
}
