import { hashSync } from 'bcryptjs'
import { afterAll, describe, expect, it } from 'vitest'
import { makePasswords, makePasswordThread } from '../../../../src/http/gate/passwords.ts'

const ALICES = '$2y$12$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG'
const USERS = new Map([
  ['alice', ALICES],
  ['bob', ALICES.replace('$12$', '$05$')],
])

/** A comparison that counts, and ends when it is told to. */
function open(password = 'right') {
  const compared: string[] = []
  const ends: (() => void)[] = []
  let atOnce = true
  let running = 0
  let mostRunning = 0
  const passwords = makePasswords(async (given, hash) => {
    compared.push(hash)
    running += 1
    mostRunning = Math.max(mostRunning, running)
    if (!atOnce) await new Promise<void>((resolve) => ends.push(resolve))
    running -= 1
    return given === password
  })
  passwords.setUsers(USERS)
  return {
    passwords,
    compared,
    ends,
    wait: () => {
      atOnce = false
    },
    mostRunning: () => mostRunning,
  }
}

describe('passwords', () => {
  it('are right for their user alone', async () => {
    const { passwords } = open()
    expect(await passwords.isRight({ user: 'alice', password: 'right' })).toBe(true)
    expect(await passwords.isRight({ user: 'alice', password: 'wrong' })).toBe(false)
    expect(await passwords.isRight({ user: 'nobody', password: 'right' })).toBe(false)
    expect(await passwords.isRight({ user: '__proto__', password: 'right' })).toBe(false)
  })

  it.each([
    ['alice', 'right'],
    ['alice', 'wrong'],
    ['nobody', 'right'],
  ])('of %s, %s, are compared once', async (user, password) => {
    const { passwords, compared } = open()
    const first = await passwords.isRight({ user, password })
    for (let i = 0; i < 10; i++) expect(passwords.isRight({ user, password })).toBe(first)
    expect(compared).toHaveLength(1)
  })

  it('are compared once when they are asked for at once', async () => {
    const { passwords, compared } = open()
    const asked = Array.from({ length: 10 }, () => passwords.isRight({ user: 'alice', password: 'right' }))
    expect(await Promise.all(asked)).toEqual(Array(10).fill(true))
    expect(compared).toHaveLength(1)
  })

  it('cost as much for a name that nobody has as for the most expensive user', async () => {
    const { passwords, compared } = open()
    await passwords.isRight({ user: 'nobody', password: 'wrong' })
    expect(compared).toHaveLength(1)
    expect(compared[0]).toMatch(/^\$2b\$12\$[./A-Za-z0-9]{53}$/)
  })

  it('are compared anew when the hash changed', async () => {
    const { passwords, compared } = open()
    await passwords.isRight({ user: 'alice', password: 'right' })
    passwords.setUsers(new Map([['alice', ALICES.replace('$12$', '$10$')]]))
    await passwords.isRight({ user: 'alice', password: 'right' })
    passwords.setUsers(new Map())
    expect(await passwords.isRight({ user: 'alice', password: 'right' })).toBe(false)
    expect(compared).toHaveLength(3)
  })

  it('are compared one at a time', async () => {
    const { passwords, mostRunning } = open()
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => passwords.isRight({ user: 'alice', password: `${i}` })),
    )
    expect(mostRunning()).toBe(1)
  })

  it('are refused when too many wait, but for those that are known', async () => {
    const { passwords, wait } = open()
    await passwords.isRight({ user: 'alice', password: 'right' })
    wait()
    for (let i = 0; i < 100; i++) void passwords.isRight({ user: 'alice', password: `${i}` })
    await expect(passwords.isRight({ user: 'bob', password: 'right' })).rejects.toMatchObject({
      code: 'PGR_OVERLOADED',
    })
    expect(passwords.isRight({ user: 'alice', password: 'right' })).toBe(true)
  })

  it('that are guessed do not drive out those that are right', async () => {
    const { passwords, compared } = open()
    await passwords.isRight({ user: 'alice', password: 'right' })
    for (let i = 0; i < 1500; i++) await passwords.isRight({ user: 'alice', password: `${i}` })
    expect(passwords.isRight({ user: 'alice', password: 'right' })).toBe(true)
    expect(compared).toHaveLength(1501)
    // The oldest guesses are forgotten.
    await passwords.isRight({ user: 'alice', password: '0' })
    expect(compared).toHaveLength(1502)
  })

  it('are compared on after one comparison failed', async () => {
    let isBroken = true
    const passwords = makePasswords(async () => {
      if (isBroken) throw new Error('broken')
      return true
    })
    passwords.setUsers(USERS)
    await expect(passwords.isRight({ user: 'alice', password: 'right' })).rejects.toThrow('broken')
    isBroken = false
    expect(await passwords.isRight({ user: 'alice', password: 'right' })).toBe(true)
  })
})

describe('the thread', () => {
  const thread = makePasswordThread()
  afterAll(() => thread.close())

  it.each(['$2a$', '$2b$', '$2y$'])('knows hashes that begin with %s', async (version) => {
    const hash = hashSync('geheim ä', 4).replace(/^\$2.\$/, version)
    expect(await thread.compare('geheim ä', hash)).toBe(true)
    expect(await thread.compare('geheim', hash)).toBe(false)
  })

  it('takes what is no hash for nobody’s', async () => {
    expect(await thread.compare('a', 'b')).toBe(false)
  })

  it('is started anew after it ended', async () => {
    const other = makePasswordThread()
    const hash = hashSync('a', 4)
    expect(await other.compare('a', hash)).toBe(true)
    await other.close()
    expect(await other.compare('a', hash)).toBe(true)
    await other.close()
  })
})
