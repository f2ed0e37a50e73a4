import { PgrError } from '../errors/pgr-error.ts'

/**
 * Refuses what is too large before memory is taken for it: `declaredBytes` is what the sender says, `limitBytes` what
 * the setting allows. Throws PGR_BODY_TOO_LARGE naming both and the setting to raise; `what` starts the sentence.
 */
export function assertWithin(limitBytes: number, declaredBytes: number, what: string, setting: string): void {
  if (declaredBytes <= limitBytes) return
  throw new PgrError(
    'PGR_BODY_TOO_LARGE',
    `${what} is ${declaredBytes} bytes, more than the limit of ${limitBytes}; send less at once or raise ${setting}`,
  )
}

/** As `assertWithin`, where the size is only known to be beyond the limit. */
export function tooLarge(limitBytes: number, what: string, setting: string): PgrError {
  return new PgrError(
    'PGR_BODY_TOO_LARGE',
    `${what} is larger than the limit of ${limitBytes} bytes; send less at once or raise ${setting}`,
  )
}
