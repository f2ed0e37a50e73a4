/** Sends one command, its words as they are. */
type Ask = (...words: string[]) => Promise<unknown>

const COUNTERS = ['v', 'f', 'w', 't', 'n', 's', 'b', 'g'] as const
export type Counter = (typeof COUNTERS)[number]

const READ = `local c = redis.call('HGET', KEYS[1], 'c')
if not c then return {} end
local numbers = { struct.unpack('<dddddddd', c) }
for i = 1, 8 do numbers[i] = string.format('%.0f', numbers[i]) end
numbers[9] = #c
return numbers`

const SET_TIME = `local c = redis.call('HGET', KEYS[1], 'c')
return redis.call('HSET', KEYS[1], 'c', string.sub(c, 1, 24) .. struct.pack('<d', ARGV[1]) .. string.sub(c, 33))`

/**
 * The counters of a partition, read by the server itself: version, floor, wiped, time, units, series, bytes, digest. Empty
 * where there is no partition.
 */
export async function readCounters(ask: Ask, metaKey: string): Promise<Partial<Record<Counter, string>>> {
  const numbers = (await ask('EVAL', READ, '1', metaKey)) as unknown[]
  if (numbers.length === 0) return {}
  if (Number(numbers[8]) !== 64) throw new Error(`the counters of ${metaKey} are ${numbers[8]} bytes`)
  return Object.fromEntries(COUNTERS.map((name, place) => [name, String(numbers[place])]))
}

export async function readCounter(ask: Ask, metaKey: string, name: Counter): Promise<number> {
  return Number((await readCounters(ask, metaKey))[name] ?? 0)
}

/** Moves the time of the newest write. */
export async function setTime(ask: Ask, metaKey: string, timeMs: number): Promise<void> {
  await ask('EVAL', SET_TIME, '1', metaKey, String(timeMs))
}
