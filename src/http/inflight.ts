import { PgrError } from '../errors/pgr-error.ts'

/** Share of one request in the bytes in flight. */
export interface Claim {
  /** Counts further bytes. Throws PGR_OVERLOADED when they do not fit. */
  take(bytes: number): void
  /** Gives back all that was taken. */
  release(): void
}

export interface Inflight {
  readonly bytes: number
  /** Throws PGR_OVERLOADED when a body that says it has `declaredBytes` would not fit. */
  claim(declaredBytes: number): Claim
}

/**
 * Bounds the memory that bodies take while they are read, decompressed and worked on. A declared size is checked but
 * only bytes that are there are counted: whoever promises much and sends nothing takes nothing from others.
 */
export function makeInflight(limits: { readonly inflightBytes: number }): Inflight {
  let inflightBytes = 0

  function assertFits(bytes: number): void {
    const limitBytes = limits.inflightBytes
    if (inflightBytes + bytes <= limitBytes) return
    throw new PgrError(
      'PGR_OVERLOADED',
      `the pushes being worked on fill the limit of ${limitBytes} bytes; try again, or raise push.max-inflight-bytes`,
    )
  }

  return {
    get bytes() {
      return inflightBytes
    },
    claim(declaredBytes) {
      assertFits(declaredBytes)
      let takenBytes = 0
      return {
        take(bytes) {
          assertFits(bytes)
          takenBytes += bytes
          inflightBytes += bytes
        },
        release() {
          inflightBytes -= takenBytes
          takenBytes = 0
        },
      }
    },
  }
}
