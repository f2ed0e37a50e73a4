import { catalogue, type ErrorCode, type Failure } from './catalogue.ts'

/**
 * The one error class. The message is a full sentence in lower case that names the offending value and, where there is
 * one, the remedy; the code is never part of the text.
 */
export class PgrError extends Error {
  readonly code: ErrorCode
  /** Seconds before which trying again makes no sense; only on failures whose `retry` is true. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = 'PgrError'
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  get failure(): Failure {
    return catalogue[this.code]
  }

  /** Lifts anything caught into a `PgrError`, keeping it as the cause; what already is one passes through. */
  static from(reason: unknown, code: ErrorCode): PgrError {
    if (reason instanceof PgrError) return reason
    const message = reason instanceof Error ? reason.message : String(reason)
    return new PgrError(code, message, { cause: reason })
  }
}
