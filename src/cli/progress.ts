export interface ProgressBar {
  /** `total` is absent where nobody knows it. */
  update(done: number, total: number | undefined): void
  /** Takes the bar away. */
  end(): void
}

/** The terminal, as far as a bar needs it. */
export interface BarTerminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface BarOptions {
  readonly isWanted: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds of a clock that never goes back. */
  now(): number
}

/** Between two pictures: more of them nobody could read. */
const EVERY_MS = 100
const USUAL_COLUMNS = 80
const LONGEST_BAR = 30
const NO_BAR: ProgressBar = { update() {}, end() {} }

/** One line that is written over and over; nothing where nobody looks, as in a pipe or in CI. */
export function makeProgress(terminal: BarTerminal, { isWanted, env, now }: BarOptions): ProgressBar {
  const isWatched = terminal.isTTY === true && !env['CI'] && env['TERM'] !== 'dumb'
  if (!isWanted || !isWatched) return NO_BAR
  const startMs = now()
  let shownMs = Number.NEGATIVE_INFINITY
  return {
    update(done, total) {
      const nowMs = now()
      if (nowMs - shownMs < EVERY_MS) return
      shownMs = nowMs
      const columns = terminal.columns || USUAL_COLUMNS
      terminal.write(`\r${barLine({ done, total, seconds: (nowMs - startMs) / 1000 }, columns - 1)}\u001b[K`)
    },
    end() {
      terminal.write('\r\u001b[K')
    },
  }
}

export interface BarState {
  readonly done: number
  readonly total: number | undefined
  /** Since the start. */
  readonly seconds: number
}

/** The line, at most this wide: part done, count, rate, time left. */
export function barLine({ done, total, seconds }: BarState, width: number): string {
  const rate = seconds > 0 ? done / seconds : 0
  const speed = `${group(Math.round(rate))}/s`
  if (total === undefined || total === 0) return `${group(done)}  ${speed}  ${clock(seconds)}`.slice(0, width)
  const part = Math.min(1, done / total)
  const left = rate > 0 ? `${clock(Math.max(0, total - done) / rate)} left` : ''
  const count = `${String(Math.floor(part * 100)).padStart(3)}%`
  const rest = `${group(done)}/${group(total)}  ${speed}  ${left}`
  const room = Math.min(LONGEST_BAR, width - count.length - rest.length - 5)
  const filled = Math.round(part * room)
  const bar = room < 5 ? '' : `[${'#'.repeat(filled)}${'.'.repeat(room - filled)}]  `
  return `${count} ${bar}${rest}`.slice(0, width)
}

/** Whole numbers in groups of three digits, whatever the locale. */
export function group(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

function clock(seconds: number): string {
  const whole = Math.min(359_999, Math.round(seconds))
  const pair = (value: number): string => String(value).padStart(2, '0')
  const hours = Math.floor(whole / 3600)
  const rest = `${pair(Math.floor(whole / 60) % 60)}:${pair(whole % 60)}`
  return hours === 0 ? rest : `${hours}:${rest}`
}
