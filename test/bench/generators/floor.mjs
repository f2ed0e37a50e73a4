/**
 * What is left of a push when nothing is done about it but one thing: a bare `node:http` server that reads a body and answers
 * 200. With the port of a Redis it stores the body there before it answers: by a SET under the path, or, with `groups` as a
 * third word, through the store of pgr as a group of three families, which is what a push of three series becomes.
 */
import { createServer } from 'node:http'

const [port, redisPort, how] = process.argv.slice(2)
const wayOf = { undefined: makeSetting, groups: makeGrouping }

createServer(
  redisPort === undefined ? answerAtOnce : answerStored(await wayOf[how](Number(redisPort))),
).listen(Number(port), '127.0.0.1')

function answerAtOnce(request, response) {
  request.resume()
  request.once('end', () => response.end())
}

function answerStored(store) {
  return (request, response) => {
    const pieces = []
    request.on('data', (piece) => pieces.push(piece))
    request.once('end', async () => {
      await store(request.url, Buffer.concat(pieces))
      response.end()
    })
  }
}

async function makeSetting(port) {
  const { Redis } = await import('ioredis')
  // What is asked for in one turn of the event loop leaves together, which is the fastest that ioredis has.
  const redis = new Redis({ host: '127.0.0.1', port, enableAutoPipelining: true })
  return (path, body) => redis.set(path, body)
}

async function makeGrouping(port) {
  const built = (file) => import(`../../../dist/${file}`)
  const { openRedisStore } = await built('store/redis/index.js')
  const { groupId } = await built('model/unit.js')
  const { newOperation } = await built('gateway/operation.js')
  const none = Number.MAX_SAFE_INTEGER
  const limits = { units: none, series: none, bytes: none, setMetrics: none }
  const store = await openRedisStore({
    endpoints: [`127.0.0.1:${port}`],
    prefix: 'pgr',
    timeoutMs: 2000,
    limits,
    tell: () => undefined,
  })
  const groups = new Map()
  const lifetime = { ttlMs: 300_000, retentionMs: 0, protocol: 'text', mode: 'post' }
  return async (path, body) => {
    let group = groups.get(path)
    if (group === undefined) {
      const labels = [{ name: 'job', value: path }]
      group = { id: groupId(labels), labels }
      groups.set(path, group)
    }
    const third = Math.ceil(body.length / 3)
    const families = ['one', 'two', 'three'].map((name, place) => ({
      name,
      type: 'gauge',
      series: 1,
      blob: body.subarray(place * third, (place + 1) * third),
    }))
    const operation = newOperation()
    await store.writeGroup({
      ...group,
      ...lifetime,
      operation,
      deadlineMs: performance.now() + 10_000,
      families,
    })
  }
}
