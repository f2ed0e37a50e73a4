import { afterEach, describe, expect, it } from 'vitest'
import type { ChangePage, Store } from '../../src/store/store.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { operation } from '../support/store-writes.ts'
import { openStore } from './open-store.ts'

const WRITERS = 4
/** Of each writer. */
const ROUNDS = 200
const READERS = 2
/** On a machine too slow for all rounds, fewer. */
const MOST_MS = 10_000
const GROUP = { job: 'contested' }
const NAMES = ['a', 'b', 'c'] as const

/** What a write leaves in the families it names; unique, and larger for every later write of one writer. */
interface Token {
  readonly writer: number
  readonly turn: number
}

interface Write {
  readonly kind: 'put' | 'post' | 'delete'
  readonly token: Token
  readonly beganMs: number
  /** Of the acknowledgement; infinite before it. */
  endedMs: number
}

type Shown = ReadonlyMap<string, Token>

const textOf = (names: readonly string[], { writer, turn }: Token) =>
  names.map((name) => `# TYPE ${name} gauge\n${name}{writer="${writer}"} ${turn}\n`).join('')

function read(page: string): Shown {
  const shown = new Map<string, Token>()
  for (const [, name = '', writer, turn] of page.matchAll(/^([abc])\{.*writer="(\d+)".*\} (\S+)$/gm)) {
    if (shown.has(name)) throw new Error(`${name} stands twice`)
    shown.set(name, { writer: Number(writer), turn: Number(turn) })
  }
  return shown
}

const isSame = (one: Token | undefined, other: Token | undefined) =>
  one?.writer === other?.writer && one?.turn === other?.turn

const namesOf = ({ kind }: Write): readonly string[] => (kind === 'post' ? NAMES.slice(1) : NAMES)

/**
 * Collects what breaks a promise. Every write concerns b and c, so these are always of one write; a is left alone by
 * posts, so where there are none all three are of one. What a scrape shows of a family may be any write that was not
 * over when the last one known to be acknowledged began; and of one writer nothing older than what anybody was shown.
 */
function makeChecker(writes: readonly Write[], posts: boolean) {
  const complaints: string[] = []
  /** Per family the latest beginning of an acknowledged write. */
  const fences = new Map<string, number>()
  /** Per family and writer the latest turn that was shown. */
  const floors = new Map<string, number>()
  const raise = (map: Map<string, number>, key: string, to: number) =>
    map.set(key, Math.max(to, map.get(key) ?? 0))

  return {
    complaints,
    acknowledge(write: Write) {
      for (const name of namesOf(write)) raise(fences, name, write.beganMs)
    },
    /** To be called as a scrape begins; the result, with what it showed. */
    begin() {
      const fencesBefore = new Map(fences)
      const floorsBefore = new Map(floors)
      return (shown: Shown) => {
        const told = JSON.stringify([...shown])
        if (!isSame(shown.get('b'), shown.get('c'))) complaints.push(`mixed: ${told}`)
        if (!posts && !isSame(shown.get('a'), shown.get('b'))) complaints.push(`mixed: ${told}`)
        for (const name of NAMES) {
          const token = shown.get(name)
          const fence = fencesBefore.get(name) ?? 0
          const isExplained = writes.some(
            (write) =>
              write.endedMs >= fence &&
              (token === undefined
                ? write.kind === 'delete'
                : write.kind !== 'delete' && namesOf(write).includes(name) && isSame(write.token, token)),
          )
          if (fence > 0 && !isExplained) complaints.push(`late: ${name} in ${told}`)
          if (token === undefined) continue
          const key = `${name} ${token.writer}`
          if (token.turn < (floorsBefore.get(key) ?? 0)) complaints.push(`back: ${name} in ${told}`)
          raise(floors, key, token.turn)
        }
      }
    },
  }
}

interface Race {
  readonly complaints: readonly string[]
  readonly writes: readonly Write[]
  /** Distinct states that scrapes showed. */
  readonly states: number
  readonly scrapes: number
}

/** Writers and readers, each going round the gateways, until all rounds are over. */
async function run(
  gateways: readonly TestGateway[],
  kinds: readonly Write['kind'][],
  rounds = ROUNDS,
): Promise<Race> {
  const writes: Write[] = []
  const checker = makeChecker(writes, kinds.includes('post'))
  const states = new Set<string>()
  const endMs = performance.now() + MOST_MS
  let scrapes = 0
  let writing = WRITERS
  const at = (n: number): TestGateway => gateways[n % gateways.length] as TestGateway

  async function send({ kind, token }: Write, gateway: TestGateway): Promise<unknown> {
    if (kind === 'delete') return gateway.remove(GROUP)
    return gateway.push(kind, GROUP, textOf(kind === 'put' ? NAMES : NAMES.slice(1), token))
  }

  async function write(writer: number): Promise<void> {
    for (let turn = 1; turn <= rounds && performance.now() < endMs; turn++) {
      const kind = kinds[(writer + turn) % kinds.length] ?? 'put'
      const each: Write = {
        kind,
        token: { writer, turn },
        beganMs: performance.now(),
        endedMs: Number.POSITIVE_INFINITY,
      }
      writes.push(each)
      await send(each, at(writer + turn))
      each.endedMs = performance.now()
      checker.acknowledge(each)
    }
    writing--
  }

  async function watch(reader: number): Promise<void> {
    for (let n = reader; writing > 0; n++) {
      const end = checker.begin()
      const shown = read(await at(n).text())
      end(shown)
      states.add(JSON.stringify([...shown]))
      scrapes++
    }
  }

  const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer))
  const readers = Array.from({ length: READERS }, (_, reader) => watch(reader))
  await Promise.all([...writers, ...readers])
  return { complaints: checker.complaints, writes, states: states.size, scrapes }
}

/** Writes that may have been the last to name a family: none began after they were acknowledged. */
function possiblyLast(writes: readonly Write[], name: string): Write[] {
  const naming = writes.filter((write) => namesOf(write).includes(name))
  const latestBeganMs = Math.max(...naming.map(({ beganMs }) => beganMs))
  return naming.filter(({ endedMs }) => endedMs >= latestBeganMs)
}

const stopping: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop()
})

async function replicas(wrap: (store: Store) => Store = (store) => store): Promise<TestGateway[]> {
  const server: RedisServer = await startRedis()
  stopping.push(() => server.stop())
  const gateways: TestGateway[] = []
  for (let n = 0; n < 2; n++) {
    const { store } = await openStore(server, { timeoutMs: 5000 })
    const opened = openTestGateway(wrap(store))
    stopping.push(
      () => store.close(),
      () => opened.gateway.stop(),
    )
    gateways.push(opened)
  }
  return gateways
}

describe('a group that replicas write to at the same time', () => {
  it.each([
    ['is replaced', ['put']],
    ['is replaced and removed', ['put', 'put', 'delete']],
    ['is replaced, added to and removed', ['put', 'post', 'post', 'delete', 'post']],
  ] as const)(
    '%s: never mixed, never late, never back, at the end the same everywhere',
    async (_what, kinds) => {
      const gateways = await replicas()
      const { complaints, writes, states, scrapes } = await run(gateways, kinds)

      expect(complaints).toEqual([])
      expect(writes.length).toBeGreaterThan(WRITERS * 20)
      // The readers were there while it happened.
      expect(scrapes).toBeGreaterThan(50)
      expect(states).toBeGreaterThan(20)

      const pages = await Promise.all(gateways.map((gateway) => gateway.text()))
      expect(new Set(pages).size).toBe(1)
      const shown = read(pages[0] ?? '')
      for (const name of NAMES) {
        const last = possiblyLast(writes, name)
        const allowed = last.map(({ kind, token }) => (kind === 'delete' ? undefined : token))
        expect(allowed).toContainEqual(shown.get(name))
      }

      const token = { writer: 9, turn: 1 }
      await gateways[0]?.push('put', GROUP, textOf(NAMES, token))
      for (const gateway of gateways)
        expect(read(await gateway.text())).toEqual(new Map(NAMES.map((name) => [name, token])))
    },
  )
})

describe('the checker of the race', () => {
  it('finds a store that replaces a group in two steps', async () => {
    const torn = (store: Store): Store => ({
      ...store,
      async writeGroup(write) {
        const families = write.families.filter(({ name }) => name !== 'c')
        await store.writeGroup({ ...write, ...operation(), families })
        return store.writeGroup(write)
      },
    })
    const { complaints } = await run(await replicas(torn), ['put'], 50)
    expect(complaints.filter((complaint) => complaint.startsWith('mixed')).length).toBeGreaterThan(0)
  })

  it('finds a store that does not tell what was acknowledged', async () => {
    const forgetful = (store: Store): Store => {
      let calls = 0
      return {
        ...store,
        changes: (since, options) => (++calls % 10 === 1 ? store.changes(since, options) : nothing()),
        // Nor to the writer.
        async writeGroup(write) {
          const { change: _, ...written } = await store.writeGroup(write)
          return written
        },
      }
    }
    const { complaints } = await run(await replicas(forgetful), ['put'], 50)
    expect(complaints.filter((complaint) => complaint.startsWith('late')).length).toBeGreaterThan(0)
  })
})

async function* nothing(): AsyncGenerator<ChangePage> {}
