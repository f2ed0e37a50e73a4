/**
 * Metric and label names: any non-empty well-formed text is a name; the legacy character set is what readers know that
 * predate UTF-8 names, and an escaping scheme says how the rest is spelled for them.
 */

/** How a name outside the legacy character set is spelled for readers that know only that set. */
export type EscapingScheme = 'allow-utf-8' | 'underscores' | 'dots' | 'values'

/** The value of an `escaping=` parameter; undefined when it names no scheme. */
export function parseEscapingScheme(text: string): EscapingScheme | undefined {
  switch (text) {
    case 'allow-utf-8':
    case 'underscores':
    case 'dots':
    case 'values':
      return text
    default:
      return undefined
  }
}

const COLON = 0x3a
const UNDERSCORE = 0x5f

/** `[a-zA-Z_]`. */
function isLegacyLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === UNDERSCORE
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

// Expressions rather than a walk: where names of many kinds pass, every look at a character costs a look-up.
const LEGACY_METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LEGACY_LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** `[a-zA-Z_:][a-zA-Z0-9_:]*`. */
export function isLegacyMetricName(name: string): boolean {
  return LEGACY_METRIC_NAME.test(name)
}

/** `[a-zA-Z_][a-zA-Z0-9_]*`. */
export function isLegacyLabelName(name: string): boolean {
  return LEGACY_LABEL_NAME.test(name)
}

/** Not empty and no lone surrogate, so that it has a UTF-8 form. */
export function isValidUtf8Name(name: string): boolean {
  return name !== '' && !/\p{Surrogate}/u.test(name)
}

/**
 * A metric name as it stands on a page with this escaping: legacy names are left as they are, others are spelled in
 * legacy characters unless the scheme is `allow-utf-8`. Different names may become equal under `underscores` and
 * `dots`. The rules are those of the Prometheus Go library, not of the prose that describes it: with `dots` any
 * character but a point becomes `__`, with `values` code points are in lower-case hexadecimal.
 */
export function escapeName(name: string, scheme: EscapingScheme): string {
  return scheme === 'allow-utf-8' || isLegacyMetricName(name) ? name : escapeWith(name, scheme, true)
}

/** As `escapeName` for a label name, in which a colon is not a legacy character. */
export function escapeLabelName(name: string, scheme: EscapingScheme): string {
  return scheme === 'allow-utf-8' || isLegacyLabelName(name) ? name : escapeWith(name, scheme, false)
}

const VALUES_PREFIX = 'U__'

function escapeWith(
  name: string,
  scheme: Exclude<EscapingScheme, 'allow-utf-8'>,
  allowsColon: boolean,
): string {
  let escaped = scheme === 'values' ? VALUES_PREFIX : ''
  for (const char of name) {
    const code = char.codePointAt(0) as number
    if (code === UNDERSCORE) {
      escaped += scheme === 'underscores' ? '_' : '__'
    } else if (
      isLegacyLetter(code) ||
      (code === COLON && allowsColon) ||
      // A digit is a legacy character anywhere but in front.
      (isDigit(code) && escaped.length > (scheme === 'values' ? VALUES_PREFIX.length : 0))
    ) {
      escaped += char
    } else if (scheme === 'underscores') {
      escaped += '_'
    } else if (scheme === 'dots') {
      escaped += char === '.' ? '_dot_' : '__'
    } else {
      escaped += isSurrogate(code) ? '_FFFD_' : `_${code.toString(16)}_`
    }
  }
  return escaped
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff
}

const ESCAPE = /_(?:_|([0-9a-fA-F]{1,6})_)/y

/**
 * Undoes the `values` escaping. A name without its prefix `U__`, or with anything after it that the escaping cannot
 * have written, is returned unchanged.
 */
export function unescapeName(name: string): string {
  if (!name.startsWith(VALUES_PREFIX)) return name
  let plain = ''
  let at = VALUES_PREFIX.length
  while (at < name.length) {
    const next = name.indexOf('_', at)
    if (next === -1) return plain + name.slice(at)
    plain += name.slice(at, next)
    ESCAPE.lastIndex = next
    const match = ESCAPE.exec(name)
    if (match === null) return name
    const hex = match[1]
    if (hex === undefined) {
      plain += '_'
    } else {
      const code = Number.parseInt(hex, 16)
      if (isSurrogate(code) || code > 0x10ffff) return name
      plain += String.fromCodePoint(code)
    }
    at = ESCAPE.lastIndex
  }
  return plain
}
