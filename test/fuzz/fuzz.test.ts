import { expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'
import { TARGETS } from './targets.ts'

const INPUTS = 3000

it.each(TARGETS.map((target) => [target.name, target] as const))(
  '%s: every input is read or refused',
  async (_name, target) => {
    const { read } = await fuzz(target, { inputs: INPUTS, seed: 1 })
    // Fewer would mean that nothing gets past the frame.
    expect(read / INPUTS).toBeGreaterThan(0.3)
  },
)

it('an input that is answered with anything else is found', async () => {
  const broken = { name: 'broken', run: (random: () => number) => void (random() < 0.01 && undefinedThing()) }
  await expect(fuzz(broken, { inputs: INPUTS, seed: 1 })).rejects.toThrow(/^broken, seed \d+: TypeError/)
})

function undefinedThing(): never {
  throw new TypeError('cannot read properties of undefined')
}
