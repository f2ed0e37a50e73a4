import { setTimeout as sleep } from 'node:timers/promises'
import { PgrError } from '../errors/pgr-error.ts'
import type { PushRequest } from './request.ts'
import { type SendOptions, type Sent, sendPush } from './send.ts'

export interface SendUntilOptions extends SendOptions {
  /** Ends attempts and pauses alike; its reason is an error, or that of a timeout. */
  readonly over: AbortSignal
  /** Completes the message after a timeout: `given up within …`. */
  readonly limit: string
}

/**
 * Sends as `sendPush` does, until it was long enough. Throws what that throws; when it was over first, what the last
 * attempt failed with, or PGR_GATEWAY_UNREACHABLE.
 */
export async function sendUntil(
  request: PushRequest,
  { over, limit, ...options }: SendUntilOptions,
): Promise<Sent> {
  let last: PgrError | undefined
  try {
    return await sendPush(
      request,
      {
        ...options,
        onRetry(failure) {
          last = failure.error
          options.onRetry?.(failure)
        },
      },
      {
        fetch: (url, init) =>
          fetch(url, { ...init, signal: init.signal ? AbortSignal.any([init.signal, over]) : over }),
        sleep: (ms) => sleep(ms, undefined, { signal: over }),
        random: Math.random,
        now: Date.now,
      },
    )
  } catch (reason) {
    if (!over.aborted) throw reason
    const { code, message } =
      last ??
      new PgrError('PGR_GATEWAY_UNREACHABLE', `the gateway at ${new URL(request.url).origin} did not answer`)
    throw new PgrError(code, `${message} (${whyOver(over, limit)})`, { cause: reason })
  }
}

function whyOver({ reason }: AbortSignal, limit: string): string {
  return reason instanceof Error && reason.name !== 'TimeoutError'
    ? reason.message
    : `given up within ${limit}`
}

/** Whether a gateway took offence at what was pushed, and not at who pushed it or when. */
export function isRefused(error: PgrError): boolean {
  return error.code === 'PGR_PUSH_REFUSED'
}
