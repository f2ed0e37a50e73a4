import { setTimeout as sleep } from 'node:timers/promises'
import type { BodyFormat } from '../../client/body.ts'
import type { PushRequest } from '../../client/request.ts'
import type { Sent } from '../../client/send.ts'
import { isRefused, sendUntil } from '../../client/send-until.ts'
import { PgrError } from '../../errors/pgr-error.ts'
import { formatDuration } from '../../model/duration.ts'
import type { WrittenMetrics } from './metrics-file.ts'

/** How metrics of a run get to the gateway. */
export interface PushPlan {
  request(body: Uint8Array, format: BodyFormat): PushRequest
  /** Attempts after the first, of the last push. */
  readonly retries: number
  /** For each attempt. */
  readonly timeoutMs: number
  /** For all that is pushed once the command has ended. */
  readonly budgetMs: number
  /** Between pushes that say that the command is still running. */
  readonly heartbeatMs?: number | undefined
  /** Hears what went well, and what is tried again. */
  onProgress(line: string): void
}

export interface Pushes {
  /** Says beside the command that it runs, and goes on saying it. Returns at once and never fails. */
  begin(body: string): void
  /** The last push. Resolves to why it failed; then the budget is spent, or the gateway refused. */
  finish(own: string, joined?: WrittenMetrics): Promise<PushResult>
}

export interface PushResult {
  /** Why nothing was pushed. */
  readonly failure?: PgrError
  /** Why what the command wrote was left out. */
  readonly refused?: PgrError
}

/** What a first push that is still under way gets before the last one; it must not arrive later. */
const SETTLE_MS = 1000

/** `hurry` cuts the last push short. */
export function makePushes(plan: PushPlan, hurry: AbortSignal): Pushes {
  const hasEnded = new AbortController()
  /** Of the push under way; one for each, because a job can have a million heartbeats. */
  let attempt = new AbortController()
  let beside: Promise<void> = Promise.resolve()

  async function sayRunning(body: string): Promise<void> {
    const request = plan.request(Buffer.from(body), 'text')
    while (!hasEnded.signal.aborted) {
      const askedAtMs = performance.now()
      attempt = new AbortController()
      try {
        told(plan, request, await send(plan, request, { retries: 0, over: attempt.signal }))
      } catch (reason) {
        plan.onProgress(PgrError.from(reason, 'PGR_INTERNAL').message)
      }
      if (plan.heartbeatMs === undefined) return
      const pauseMs = Math.max(0, plan.heartbeatMs - (performance.now() - askedAtMs))
      await sleep(pauseMs, undefined, { ref: false, signal: hasEnded.signal }).catch(() => {})
    }
  }

  return {
    begin(body) {
      beside = sayRunning(body)
    },
    async finish(own, joined) {
      const over = AbortSignal.any([hurry, AbortSignal.timeout(plan.budgetMs)])
      hasEnded.abort()
      const patience = sleep(Math.min(SETTLE_MS, plan.budgetMs / 2), undefined, { ref: false })
      await Promise.race([beside, patience, aborted(hurry)])
      attempt.abort(new Error('given up when the command had ended'))
      if (joined === undefined) return pushOwn(own, over)
      try {
        await push(joined, over)
        return {}
      } catch (reason) {
        const refused = PgrError.from(reason, 'PGR_INTERNAL')
        // Whatever else went wrong would go wrong without it, too.
        if (!isRefused(refused)) return { failure: refused }
        return { refused, ...(await pushOwn(own, over)) }
      }
    },
  }

  async function pushOwn(own: string, over: AbortSignal): Promise<PushResult> {
    try {
      await push({ body: Buffer.from(own), format: 'text' }, over)
      return {}
    } catch (reason) {
      return { failure: PgrError.from(reason, 'PGR_INTERNAL') }
    }
  }

  async function push({ body, format }: WrittenMetrics, over: AbortSignal): Promise<void> {
    const request = plan.request(body, format)
    told(plan, request, await send(plan, request, { retries: plan.retries, over }))
  }
}

function told({ onProgress }: PushPlan, { method, url }: PushRequest, { status }: Sent): void {
  onProgress(`${method} ${url} (${status})`)
}

function send(
  plan: PushPlan,
  request: PushRequest,
  { retries, over }: { readonly retries: number; readonly over: AbortSignal },
): Promise<Sent> {
  return sendUntil(request, {
    retries,
    timeoutMs: plan.timeoutMs,
    over,
    limit: `the ${formatDuration(plan.budgetMs)} of --push-budget`,
    onRetry: ({ reason, delayMs }) => plan.onProgress(`${reason}; next attempt in ${Math.round(delayMs)} ms`),
  })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
