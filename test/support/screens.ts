import { type Screen, screenOf } from '../../src/cli/screen.ts'

/** A terminal of this width without colours. */
export function terminal(columns = 80, rows = 24): Screen {
  return screenOf({ stream: { isTTY: true, columns, rows }, env: {}, noColor: true })
}

/** A pipe. */
export const PIPE: Screen = screenOf({ stream: {}, env: {}, noColor: false })
