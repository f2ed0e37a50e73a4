import { request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Times pushes to a gateway and PINGs to Redis until its input ends, in a process of its own: whoever reads large pages
 * beside it does not make them late. Arguments: port of the gateway, port of Redis, path of the groups, how many of them,
 * the body. Writes milliseconds as JSON.
 */
const [gatewayPort, redisPort, path, groups, body] = process.argv.slice(2)
const EVERY_MS = 20
let isOver = false
process.stdin.on('end', () => {
  isOver = true
})
process.stdin.resume()

function push(group) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: gatewayPort, method: 'PUT', path: `${path}${group}` }
    const outgoing = request(options, (incoming) => {
      incoming.resume()
      incoming.on('end', () => resolve(incoming.statusCode))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

const socket = connect(Number(redisPort), '127.0.0.1').setNoDelay(true)
socket.on('error', (reason) => {
  throw reason
})

function ping() {
  return new Promise((resolve) => {
    socket.once('data', resolve)
    socket.write('PING\r\n')
  })
}

async function time(work) {
  const took = []
  for (let n = 0; !isOver; n++) {
    const startMs = performance.now()
    await work(n)
    took.push(performance.now() - startMs)
    await sleep(Math.max(0, startMs + EVERY_MS - performance.now()))
  }
  return took
}

const statuses = new Set()
const pushing = time(async (n) => {
  statuses.add(await push(n % Number(groups)))
})
const [pushMs, redisMs] = await Promise.all([pushing, time(ping)])
socket.destroy()
process.stdout.write(JSON.stringify({ statuses: [...statuses], pushMs, redisMs }))
