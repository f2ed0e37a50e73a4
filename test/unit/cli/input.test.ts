import { describe, expect, it } from 'vitest'
import { readInput, type Stdin } from '../../../src/cli/input.ts'
import { PgrError } from '../../../src/errors/pgr-error.ts'

function stdin(chunks: readonly string[], isTTY = false): Stdin {
  return {
    isTTY,
    async *[Symbol.asyncIterator]() {
      for (const chunk of chunks) yield Buffer.from(chunk)
    },
  }
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
  } catch (reason) {
    return reason instanceof PgrError ? reason.code : String(reason)
  }
  return 'accepted'
}

describe('input', () => {
  it.each([
    ['no file', undefined, false],
    ['-', '-', false],
    ['- at a terminal', '-', true],
  ])('comes from stdin for %s', async (_why, file, isTTY) => {
    const { name, body } = await readInput(file, stdin(['a ', '1\n'], isTTY))
    expect([name, body.toString()]).toEqual(['stdin', 'a 1\n'])
  })

  it('is missing when a terminal is all there is', async () => {
    expect(await codeOf(readInput(undefined, stdin([], true)))).toBe('PGR_SETTING_INVALID')
  })

  it('cannot be read from a file that is not there', async () => {
    expect(await codeOf(readInput('/no/such/file', stdin([])))).toBe('PGR_SETTING_INVALID')
  })

  it('does not end in memory without bound', async () => {
    const chunk = Buffer.alloc(1024)
    Object.defineProperty(chunk, 'length', { value: 2 ** 30 })
    const endless: Stdin = {
      async *[Symbol.asyncIterator]() {
        for (;;) yield chunk
      },
    }
    expect(await codeOf(readInput('-', endless))).toBe('PGR_BODY_TOO_LARGE')
  })
})
