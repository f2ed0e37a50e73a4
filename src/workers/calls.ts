import type { ErrorCode } from '../errors/catalogue.ts'
import { PgrError } from '../errors/pgr-error.ts'

/** What one process does for another: each takes one argument and answers later. */
export type Service = Readonly<Record<string, (argument: never) => unknown>>

type Argument<Fn> = Fn extends (argument: infer Value) => unknown ? Value : undefined
type Answer<Fn> = Fn extends (argument: never) => infer Value ? Awaited<Value> : never

export interface Calls<Theirs> {
  /**
   * Asks the other process. Rejects with what it failed with, with PGR_OVERLOADED when there is no answer in time (0 = it
   * may take for ever), and with why no answer can come any more.
   */
  call<Name extends keyof Theirs & string>(
    name: Name,
    argument: Argument<Theirs[Name]>,
    timeoutMs: number,
  ): Promise<Answer<Theirs[Name]>>
  /** To be given every message of the other process. */
  take(message: unknown): void
  /** The other process is gone; all that is asked of it, now and later, fails with this. */
  end(why: PgrError): void
}

type Message =
  | { readonly call: number; readonly name: string; readonly argument: unknown }
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly code: ErrorCode; readonly message: string }

interface Pending {
  resolve(value: never): void
  reject(reason: PgrError): void
}

/** Questions and answers between two processes, over messages. `who` is how messages call the other process. */
export function makeCalls<Theirs>(
  who: string,
  send: (message: unknown) => void,
  ours: Service,
): Calls<Theirs> {
  const pending = new Map<number, Pending>()
  let lastCall = 0
  let ended: PgrError | undefined

  async function serve(call: number, name: string, argument: unknown): Promise<void> {
    try {
      const value = await ours[name]?.(argument as never)
      send({ answer: call, value })
    } catch (reason) {
      const { code, message } = PgrError.from(reason, 'PGR_INTERNAL')
      send({ answer: call, code, message })
    }
  }

  function settle(answer: Exclude<Message, { call: number }>): void {
    const waiting = pending.get(answer.answer)
    pending.delete(answer.answer)
    if ('code' in answer) waiting?.reject(new PgrError(answer.code, answer.message))
    else waiting?.resolve(answer.value as never)
  }

  return {
    call(name, argument, timeoutMs) {
      if (ended !== undefined) return Promise.reject(ended)
      lastCall += 1
      const call = lastCall
      return new Promise((resolve, reject) => {
        const late = () => {
          pending.delete(call)
          reject(new PgrError('PGR_OVERLOADED', `${who} did not answer within ${timeoutMs} ms`))
        }
        const timer = timeoutMs === 0 ? undefined : setTimeout(late, timeoutMs)
        pending.set(call, {
          resolve(value) {
            clearTimeout(timer)
            resolve(value)
          },
          reject(reason) {
            clearTimeout(timer)
            reject(reason)
          },
        })
        send({ call, name, argument } satisfies Message)
      })
    },
    take(given) {
      const message = given as Message
      if ('call' in message) void serve(message.call, message.name, message.argument)
      else settle(message)
    },
    end(why) {
      ended = why
      for (const { reject } of pending.values()) reject(why)
      pending.clear()
    },
  }
}
