import { setTimeout as sleep } from 'node:timers/promises'
import { PgrError } from '../errors/pgr-error.ts'
import { writeLine } from './output.ts'
import type { Screen } from './screen.ts'

/** What goes on until it is ended: by Ctrl-C, SIGTERM, a reader that went away, and `q` on a terminal. */
export interface Live {
  readonly signal: AbortSignal
  /** Shows these lines instead of those before; of too many the first. Only on a terminal. */
  draw(lines: readonly string[]): void
  /** Gives the terminal back as it was. */
  close(): void
}

const ENDING_KEYS = ['q', 'Q', '\u0003', '\u0004']
/** The other screen of the terminal, without a cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const END_OF_LINE = '\u001b[K'
const END_OF_SCREEN = '\u001b[J'

/** Begins. Nothing is drawn before the first `draw`. */
export function openLive(screen: Screen): Live {
  const controller = new AbortController()
  const end = (): void => controller.abort()
  const { stdin, stdout } = process
  process.once('SIGINT', end).once('SIGTERM', end)
  stdout.once('error', end)
  const hasKeys = screen.isTerminal && stdin.isTTY
  const onKeys = (keys: Buffer): void => {
    if ([...keys.toString()].some((key) => ENDING_KEYS.includes(key))) end()
  }
  if (hasKeys) stdin.setRawMode(true).resume().on('data', onKeys)
  let hasEntered = false
  return {
    signal: controller.signal,
    draw(lines) {
      const shown = lines.slice(0, (stdout.rows || screen.height) - 1)
      const text = shown.map((line) => `${line}${END_OF_LINE}\n`).join('')
      stdout.write(`${hasEntered ? '' : ENTER}${HOME}${text}${END_OF_SCREEN}`)
      hasEntered = true
    },
    close() {
      if (hasEntered) stdout.write(LEAVE)
      if (hasKeys) stdin.off('data', onKeys).setRawMode(false).pause()
      process.off('SIGINT', end).off('SIGTERM', end)
    },
  }
}

export interface Pace {
  readonly intervalMs: number
  /** Turns before it ends by itself; undefined = never. */
  readonly count: number | undefined
}

/**
 * Takes turns at a pace until it is ended. A gateway that is busy or away for a moment is told on stderr, once until it
 * is back, and asked again; every other failure ends it, and so does the first turn's.
 */
export async function takeTurns(
  { signal }: Live,
  { intervalMs, count }: Pace,
  turn: () => Promise<void>,
): Promise<void> {
  let trouble = ''
  for (let taken = 0; !signal.aborted; taken++) {
    try {
      await turn()
      trouble = ''
    } catch (reason) {
      if (signal.aborted) return
      if (taken === 0 || !(reason instanceof PgrError) || !reason.failure.retry) throw reason
      if (trouble !== reason.message) writeLine(process.stderr, `warning: ${reason.message}`)
      trouble = reason.message
    }
    if (count !== undefined && taken + 1 >= count) return
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined)
  }
}
