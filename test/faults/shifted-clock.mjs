/**
 * Loaded into a gateway before anything else: its wall clock is off by CLOCK_SHIFT_MS, and jumps to as much on the other
 * side and back every CLOCK_JUMP_MS, unless that is 0. The clock that only measures time is right, as on a real machine.
 */
const shiftMs = Number(process.env.CLOCK_SHIFT_MS ?? 0)
const jumpMs = Number(process.env.CLOCK_JUMP_MS ?? 0)
const Real = Date

function nowMs() {
  const isBack = jumpMs > 0 && Math.floor(performance.now() / jumpMs) % 2 === 1
  return Real.now() + (isBack ? -shiftMs : shiftMs)
}

class Shifted extends Real {
  constructor(...given) {
    super(...(given.length === 0 ? [nowMs()] : given))
  }

  static now() {
    return nowMs()
  }
}

globalThis.Date = Shifted
