/** How an output is written: aligned for people, or in tabs for programs; with colours or without. */
export interface Screen {
  /** Somebody looks at it. */
  readonly isTerminal: boolean
  /** Columns of a terminal; lines that are cut are cut there. */
  readonly width: number
  readonly height: number
  paint(text: string, how: Paint): string
}

export type Paint = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'plain'

const CODES: Readonly<Record<Paint, readonly [on: number, off: number] | undefined>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
  green: [32, 39],
  plain: undefined,
}

/** What is known of the stream and the wishes about it. */
export interface ScreenOptions {
  readonly stream: { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  readonly env: Readonly<Record<string, string | undefined>>
  /** `--no-color`. */
  readonly noColor: boolean
}

const USUAL_WIDTH = 80
const USUAL_HEIGHT = 24

/**
 * `--no-color` and NO_COLOR switch colours off, then CLICOLOR_FORCE switches them on, then they are there on a terminal
 * unless CLICOLOR is 0 or the terminal is dumb. Colours never turn a pipe into a terminal.
 */
export function screenOf({ stream, env, noColor }: ScreenOptions): Screen {
  const isTerminal = stream.isTTY === true
  const isColoured = !noColor && !isSet(env['NO_COLOR']) && (isForced(env) || (isTerminal && mayColour(env)))
  return {
    isTerminal,
    width: stream.columns || USUAL_WIDTH,
    height: stream.rows || USUAL_HEIGHT,
    paint(text, how) {
      const code = isColoured ? CODES[how] : undefined
      return code === undefined || text === '' ? text : `\u001b[${code[0]}m${text}\u001b[${code[1]}m`
    },
  }
}

/** The screen that stdout of this process is. */
export function stdoutScreen(flags: { readonly 'no-color': boolean }): Screen {
  return screenOf({ stream: process.stdout, env: process.env, noColor: flags['no-color'] })
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== ''
}

function isForced({ CLICOLOR_FORCE }: ScreenOptions['env']): boolean {
  return isSet(CLICOLOR_FORCE) && CLICOLOR_FORCE !== '0'
}

function mayColour({ CLICOLOR, TERM }: ScreenOptions['env']): boolean {
  return CLICOLOR !== '0' && TERM !== 'dumb'
}
