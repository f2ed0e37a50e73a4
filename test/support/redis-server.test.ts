import { existsSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { freePorts } from './free-port.ts'
import { type RedisOptions, type RedisServer, startRedis } from './redis-server.ts'

const started: RedisServer[] = []

async function start(options?: RedisOptions): Promise<RedisServer> {
  const redis = await startRedis(options)
  started.push(redis)
  return redis
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((redis) => redis.stop()))
})

describe('free ports', () => {
  it('are distinct', async () => {
    expect(new Set(await freePorts(20)).size).toBe(20)
  })
})

describe('a Redis of a test', () => {
  it('takes commands, and leaves neither process nor folder behind', async () => {
    const redis = await start()
    expect(await redis.command('SET', 'key', 'two words')).toBe('+OK')
    expect(await redis.command('STRLEN', 'key')).toBe(':9')
    await redis.stop()
    expect(redis.child().isRunning()).toBe(false)
    expect(existsSync(redis.folder)).toBe(false)
  })

  it.each<[string, RedisOptions, 'restart' | 'kill', string]>([
    ['keeps its data over an orderly restart', {}, 'restart', ':1'],
    ['has lost what was in memory only after a kill', {}, 'kill', ':0'],
    ['keeps every acknowledged write over a kill when durable', { durable: true }, 'kill', ':1'],
  ])('%s, on the same port', async (_why, options, how, expected) => {
    const redis = await start(options)
    const { port } = redis
    await redis.command('SET', 'key', 'value')
    if (how === 'kill') {
      await redis.kill()
      await expect(redis.command('PING')).rejects.toThrow(/ECONNREFUSED/)
    }
    await redis.restart()
    expect(redis.port).toBe(port)
    expect(await redis.command('EXISTS', 'key')).toBe(expected)
  })

  it('does not answer while frozen, and goes on where it was', async () => {
    const redis = await start()
    redis.freeze()
    await expect(redis.command('PING')).rejects.toThrow(/no reply to PING/)
    redis.thaw()
    expect(await redis.command('PING')).toBe('+PONG')
  })

  it('asks for a password when given one', async () => {
    const redis = await start({ password: 'correct horse' })
    expect(await redis.command('ACL', 'WHOAMI')).toBe('$7')
    expect(await redis.command('AUTH', 'wrong')).toMatch(/^-WRONGPASS/)
  })

  it('takes directives', async () => {
    const redis = await start({ directives: ['cluster-enabled yes'] })
    expect(await redis.command('CLUSTER', 'MYID')).toBe('$40')
  })

  it('gives whole replies, and says whether it is live', async () => {
    const redis = await start({ password: 'correct horse' })
    expect(await redis.ask('CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'no'])
    await expect(redis.ask('NONSENSE')).rejects.toThrow(/unknown command/)
    const connection = redis.open()
    expect(await Promise.all([connection.ask('INCR', 'n'), connection.ask('INCR', 'n')])).toEqual([1, 2])
    connection.close()
    const states = [redis.isLive()]
    redis.freeze()
    states.push(redis.isLive())
    redis.thaw()
    states.push(redis.isLive())
    await redis.kill()
    states.push(redis.isLive())
    redis.freeze()
    await redis.restart()
    states.push(redis.isLive())
    expect(states).toEqual([true, false, true, false, true])
  })
})
