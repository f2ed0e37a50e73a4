import { randomFillSync } from 'node:crypto'

/** 16 random bytes as latin1 text. */
export function newOperation(): string {
  if (randomAt === RANDOM.length) {
    randomFillSync(RANDOM)
    randomAt = 0
  }
  const operation = RANDOM.toString('latin1', randomAt, randomAt + 16)
  randomAt += 16
  return operation
}

// One call into the operating system's generator serves many pushes.
const RANDOM = Buffer.alloc(4096)
let randomAt = RANDOM.length
