import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { openCheckpoint, peekCheckpoint } from '../../../src/migrate/checkpoint.ts'
import { makeFolder, removeFolder } from '../../support/child.ts'

const identity = { source: 's', target: 't' }
let folder: string
let count = 0
beforeAll(() => {
  folder = makeFolder('checkpoint')
})
afterAll(() => removeFolder(folder))

function fresh(): string {
  return join(folder, String(count++))
}

async function nothingHeld(): Promise<ReadonlySet<string>> {
  return new Set(['h'])
}

async function never(): Promise<ReadonlySet<string>> {
  throw new Error('was asked again')
}

describe('a checkpoint', () => {
  it('knows in the next run what was done in this one, and what was held before the first', async () => {
    const path = fresh()
    const first = await openCheckpoint(path, identity, nothingHeld)
    for (const key of ['a', 'b "c"', 'd\ne']) first.done(key)
    await first.finish(false)
    const second = await openCheckpoint(path, identity, never)
    expect(second.doneBefore).toEqual(new Set(['a', 'b "c"', 'd\ne']))
    expect(second.held).toEqual(new Set(['h']))
    await second.finish(false)
  })

  it('goes on behind a line that was half written', async () => {
    const path = fresh()
    const first = await openCheckpoint(path, identity, nothingHeld)
    first.done('a')
    await first.finish(false)
    appendFileSync(path, '{"done":"b')
    const second = await openCheckpoint(path, identity, never)
    expect(second.doneBefore).toEqual(new Set(['a']))
    second.done('c')
    await second.finish(false)
    const third = await peekCheckpoint(path, identity)
    expect(third?.doneBefore).toEqual(new Set(['a', 'c']))
  })

  it('is removed once everything is done', async () => {
    const path = fresh()
    const checkpoint = await openCheckpoint(path, identity, nothingHeld)
    checkpoint.done('a')
    await checkpoint.finish(true)
    expect(existsSync(path)).toBe(false)
    expect(await peekCheckpoint(path, identity)).toBeUndefined()
  })

  it.each([
    ['another source', '{"format":"pgr-import","version":1,"source":"x","target":"t","held":[]}\n'],
    ['another target', '{"format":"pgr-import","version":1,"source":"s","target":"x","held":[]}\n'],
    ['another version', '{"format":"pgr-import","version":2,"source":"s","target":"t","held":[]}\n'],
    ['something else', 'hello\n'],
  ])('of %s is left alone', async (_what, text) => {
    const path = fresh()
    writeFileSync(path, text)
    const failure = await openCheckpoint(path, identity, never).catch((reason: unknown) => reason)
    expect((failure as PgrError).code).toBe('PGR_SETTING_INVALID')
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('that cannot be written says so', async () => {
    const failure = await openCheckpoint(join(folder, 'no', 'folder'), identity, nothingHeld).catch(
      (reason: unknown) => reason,
    )
    expect(failure).toBeInstanceOf(PgrError)
    expect((failure as PgrError).message).toContain('--checkpoint')
  })
})
