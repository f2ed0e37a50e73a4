/**
 * CRC-32 of joined data from the CRCs of its parts (polynomial arithmetic over GF(2), reflected, RFC 1952), so that a
 * page's checksum never needs the page's bytes again.
 */
const POLYNOMIAL = 0xedb88320

/** Product of two polynomials modulo the CRC polynomial; bit 31 is the constant term. */
function multiply(a: number, b: number): number {
  let product = 0
  let factor = b
  for (let bit = 0x80000000; ; bit >>>= 1) {
    if ((a & bit) !== 0) {
      product ^= factor
      if ((a & (bit - 1)) === 0) return product >>> 0
    }
    if (bit === 1) return product >>> 0
    factor = (factor & 1) !== 0 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1
  }
}

/** POWERS[n] = x^(8 * 2^n). */
const POWERS: readonly number[] = (() => {
  const powers: number[] = []
  let power = 0x00800000 // x^8
  for (let n = 0; n < 48; n++) {
    powers.push(power)
    power = multiply(power, power)
  }
  return powers
})()

/** Of short parts, worked out when first asked for; 0 before that, which no shift is. */
const SHORT = new Uint32Array(16 * 1024)

/** What appending `byteLength` bytes multiplies a CRC by. */
export function shiftOf(byteLength: number): number {
  if (byteLength >= SHORT.length) return workOutShift(byteLength)
  let shift = SHORT[byteLength] as number
  if (shift === 0) {
    shift = workOutShift(byteLength)
    SHORT[byteLength] = shift
  }
  return shift
}

function workOutShift(byteLength: number): number {
  let shift = 0x80000000 // 1
  for (let n = 0, rest = byteLength; rest > 0; n++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(POWERS[n] as number, shift)
  }
  return shift >>> 0
}

/** CRC of `a` followed by `b`, where `shiftB` is `shiftOf` the length of `b`. */
export function joinCrc(crcA: number, crcB: number, shiftB: number): number {
  return (multiply(shiftB, crcA) ^ crcB) >>> 0
}
