import { effect, signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { type Answer, ask, type Failure } from '../api/ask.ts'

/** Set by whoever wants to read in peace. */
export const isPaused = signal(false)

const isHidden = signal(document.hidden)
document.addEventListener('visibilitychange', () => {
  isHidden.value = document.hidden
})

interface Poll {
  /** Asks at once, also while paused. */
  refresh(): void
  stop(): void
}

/** Asks again and again, `everyMs` after each answer, while the page is looked at. The first time at once. */
export function startPoll<T>(path: string, everyMs: number, onAnswer: (answer: Answer<T>) => void): Poll {
  const stopped = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  let again = false

  async function run(): Promise<void> {
    clearTimeout(timer)
    if (asking) {
      again = true
      return
    }
    asking = true
    const answer = await ask<T>(path, stopped.signal)
    asking = false
    if (stopped.signal.aborted) return
    onAnswer(answer)
    if (again) {
      again = false
      void run()
    } else schedule(everyMs)
  }

  function schedule(ms: number): void {
    clearTimeout(timer)
    if (!isPaused.peek() && !isHidden.peek()) timer = setTimeout(run, ms)
  }

  void run()
  let first = true
  const unwatch = effect(() => {
    const mayRun = !isPaused.value && !isHidden.value
    if (!first) {
      if (mayRun) void run()
      else clearTimeout(timer)
    }
    first = false
  })
  return {
    refresh: () => void run(),
    stop() {
      clearTimeout(timer)
      unwatch()
      stopped.abort()
    },
  }
}

/** What the view that is shown could not be told. */
export const viewFailure = signal<Failure | undefined>(undefined)

export interface Polled<T> {
  /** The last good answer, that of an earlier path included until this one is answered. */
  readonly data: T | undefined
  readonly failure: Failure | undefined
  /** The answer is for the path that is asked for now. */
  readonly isCurrent: boolean
  refresh(): void
}

export function usePoll<T>(path: string, everyMs: number): Polled<T> {
  const [state, setState] = useState<{ path: string; data?: T; failure?: Failure | undefined }>({ path: '' })
  const poll = useRef<Poll>(undefined)
  useEffect(() => {
    poll.current = startPoll<T>(path, everyMs, (answer) => {
      viewFailure.value = answer.ok ? undefined : answer.failure
      setState((last) =>
        answer.ok
          ? { path, data: answer.data, failure: undefined }
          : { ...last, path, failure: answer.failure },
      )
    })
    return () => {
      poll.current?.stop()
      viewFailure.value = undefined
    }
  }, [path, everyMs])
  return {
    data: state.data,
    failure: state.path === path ? state.failure : undefined,
    isCurrent: state.path === path,
    refresh: () => poll.current?.refresh(),
  }
}
