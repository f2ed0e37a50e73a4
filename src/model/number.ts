/**
 * Numbers as Go's `strconv` reads and prints them, because every reader and writer of the Prometheus text formats is
 * measured against it. Both runtimes find the same shortest digits; only their layout differs.
 */

/**
 * Layout of `FormatFloat(value, 'g', -1, 64)`: exponent form when the decimal exponent is below -4 or at least 6, with
 * a signed exponent of at least two digits. `+Inf`, `-Inf`, `NaN`; negative zero prints `0`.
 */
export function formatGo(value: number): string {
  const size = value < 0 ? -value : value
  if (size < 1e6) {
    // Covers zero of either sign: String(-0) is "0". JavaScript is plain from 1e-6 on, Go from 1e-4 on.
    if (size >= 1e-4 || size === 0) return String(value)
  } else if (size < 1e21) {
    return formatLarge(value)
  }
  return formatRare(value)
}

/** JavaScript is plain from 1e6 to 1e21, where Go has an exponent: move the point. */
function formatLarge(value: number): string {
  const plain = String(value)
  const first = value < 0 ? 1 : 0
  const point = plain.indexOf('.')
  const exponent = (point === -1 ? plain.length : point) - first - 1
  let rest: string
  if (point === -1) {
    let end = plain.length
    while (plain.charCodeAt(end - 1) === 0x30) end--
    rest = plain.slice(first + 1, end)
  } else {
    rest = plain.slice(first + 1, point) + plain.slice(point + 1)
  }
  const lead = plain.slice(0, first + 1)
  const mantissa = rest === '' ? lead : `${lead}.${rest}`
  return exponent < 10 ? `${mantissa}e+0${exponent}` : `${mantissa}e+${exponent}`
}

function formatRare(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  if (Number.isNaN(value)) return 'NaN'
  const text = value.toExponential()
  const sign = text.indexOf('e') + 1
  // One digit of exponent: `e-5` becomes `e-05`.
  return text.length - sign === 2 ? `${text.slice(0, sign + 1)}0${text.slice(sign + 1)}` : text
}

/** `formatGo` with `.0` appended when the text has neither point nor exponent; infinities and NaN as they are. */
export function formatOpenMetrics(value: number): string {
  if (Number.isInteger(value) && value < 1e6 && value > -1e6) return `${value}.0`
  return formatGo(value)
}

/** Layout of `FormatFloat(value, 'f', -1, 64)`: shortest digits, never an exponent. Negative zero prints `-0`. */
export function formatGoF(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (!Number.isFinite(value)) return formatRare(value)
  const text = String(value)
  const e = text.indexOf('e')
  return e === -1 ? text : withoutExponent(text, e)
}

function withoutExponent(text: string, e: number): string {
  const sign = text.startsWith('-') ? '-' : ''
  const digits = text.slice(sign.length, e).replace('.', '')
  const exponent = Number(text.slice(e + 1))
  // JavaScript has an exponent only from 1e21 on, beyond the 17 digits there can be, and below 1e-6.
  return exponent < 0
    ? `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
    : `${sign}${digits}${'0'.repeat(exponent + 1 - digits.length)}`
}

/** Longest run of decimal digits that is exact as a sum of doubles. */
const EXACT_DIGITS = 15

/**
 * What Go's `ParseFloat` takes, less hexadecimal and underscores, as the reference text parser has it: `nan` without a
 * sign, `inf` and `infinity` with or without one, in any case. Undefined for anything else and for finite text that
 * overflows; text that underflows is 0.
 */
export function parseGoFloat(text: string): number | undefined {
  const length = text.length
  if (length <= EXACT_DIGITS) {
    let value = 0
    let at = 0
    for (; at < length; at++) {
      const digit = text.charCodeAt(at) - 0x30
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (at === length) return length === 0 ? undefined : value
  }
  for (let at = 0; at < length; at++) {
    if (!isDecimalCode(text.charCodeAt(at))) return parseWord(text)
  }
  // Over these characters JavaScript's grammar is Go's; what is not a number gives NaN, overflow gives an infinity.
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** A digit or one of `+ - . E e`. */
function isDecimalCode(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2e ||
    code === 0x2d ||
    code === 0x2b ||
    code === 0x65 ||
    code === 0x45
  )
}

const LONGEST_WORD = '+infinity'.length

function parseWord(text: string): number | undefined {
  if (text.length > LONGEST_WORD) return undefined
  switch (text.toLowerCase()) {
    case 'nan':
      return Number.NaN
    case 'inf':
    case '+inf':
    case 'infinity':
    case '+infinity':
      return Number.POSITIVE_INFINITY
    case '-inf':
    case '-infinity':
      return Number.NEGATIVE_INFINITY
    default:
      return undefined
  }
}
