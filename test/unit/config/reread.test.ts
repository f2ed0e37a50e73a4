import { describe, expect, it } from 'vitest'
import { type Files, readAndReread } from '../../../src/config/reread.ts'

/** Files whose stamp is their text, and a value that is read from the list in one of them. */
function open(first: Record<string, string>) {
  const texts = new Map(Object.entries(first))
  const files: Files = {
    read(path) {
      const text = texts.get(path)
      if (text === undefined) throw new Error(`no ${path}`)
      return text
    },
    stamp: (path) => texts.get(path) ?? 'none',
    stampLater: async (path) => texts.get(path) ?? 'none',
  }
  const changes: string[] = []
  const faults: string[] = []
  const reading = readAndReread<string>(
    {
      load: (read) =>
        read('list')
          .split(' ')
          .map((path) => read(path))
          .join('+'),
      changed(value) {
        if (value.includes('refuse')) throw new Error('refused')
        changes.push(value)
      },
      failed: (reason) => faults.push((reason as Error).message),
    },
    files,
  )
  return { texts, reading, changes, faults }
}

describe('reading anew', () => {
  it('throws what is wrong at first', () => {
    expect(() => open({ list: 'a' })).toThrow('no a')
  })

  it('does nothing while nothing changes', async () => {
    const { reading, changes } = open({ list: 'a b', a: '1', b: '2' })
    await reading.look()
    expect([reading.value, changes]).toEqual(['1+2', []])
  })

  it('follows a file that is named, and the names', async () => {
    const { texts, reading, changes } = open({ list: 'a b', a: '1', b: '2', c: '3' })
    texts.set('b', '4')
    await reading.look()
    texts.set('list', 'a c')
    await reading.look()
    texts.set('b', 'no longer of interest')
    await reading.look()
    texts.set('c', '5')
    await reading.look()
    expect(changes).toEqual(['1+4', '1+3', '1+5'])
    expect(reading.value).toBe('1+5')
  })

  it('keeps the old value over a fault, tells it when it stays, once, and takes the cure', async () => {
    const { texts, reading, changes, faults } = open({ list: 'a b', a: '1', b: '2' })
    texts.delete('b')
    await reading.look()
    expect(faults).toEqual([])
    for (let i = 0; i < 3; i++) await reading.look()
    expect([reading.value, faults]).toEqual(['1+2', ['no b']])
    texts.set('b', '3')
    await reading.look()
    expect([reading.value, changes, faults]).toEqual(['1+3', ['1+3'], ['no b']])
  })

  it('says nothing of a fault that is gone at the next look', async () => {
    const { texts, reading, faults } = open({ list: 'a b', a: '1', b: '2' })
    texts.set('list', 'a c')
    await reading.look()
    texts.set('c', '3')
    await reading.look()
    await reading.look()
    expect([reading.value, faults]).toEqual(['1+3', []])
  })

  it('watches on what it named before a fault', async () => {
    const { texts, reading } = open({ list: 'a b', a: '1', b: '2' })
    texts.delete('list')
    await reading.look()
    await reading.look()
    texts.set('list', 'b')
    await reading.look()
    texts.set('b', '3')
    await reading.look()
    expect(reading.value).toBe('3')
  })

  it('keeps the old value when the new one cannot be taken over', async () => {
    const { texts, reading, faults } = open({ list: 'a', a: '1' })
    texts.set('a', 'refuse')
    await reading.look()
    await reading.look()
    expect([reading.value, faults]).toEqual(['1', ['refused']])
  })
})
