#!/usr/bin/env node
/**
 * A small HTTP balancer in front of the replicas: it asks each of them whether it is ready, takes turns between those
 * that are, and hands a request over to the next one when a replica dies under it. For the example; in production this
 * is the work of a Kubernetes Service, HAProxy, nginx or a cloud balancer.
 *
 *   EXAMPLE_BALANCER_PORT=9753 EXAMPLE_REPLICA_PORTS=9761,9762 node examples/balancer.js
 */
import { createServer, get, request } from 'node:http'

const PORT = Number(process.env.EXAMPLE_BALANCER_PORT ?? 9753)
const REPLICA_PORTS = (process.env.EXAMPLE_REPLICA_PORTS ?? '9761,9762').split(',').map(Number)
const HOST = '127.0.0.1'
const CHECK_EVERY_MS = 250
const CHECK_TIMEOUT_MS = 1000
const LARGEST_BODY_BYTES = 64 * 2 ** 20

const replicas = REPLICA_PORTS.map((port) => ({ port, isReady: false }))
let turn = 0

function say(text) {
  process.stdout.write(`balancer: ${text}\n`)
}

function setReady(replica, isReady) {
  if (replica.isReady !== isReady) say(`replica on port ${replica.port} is ${isReady ? 'ready' : 'gone'}`)
  replica.isReady = isReady
}

function check(replica) {
  const probe = get({
    host: HOST,
    port: replica.port,
    path: '/-/ready',
    agent: false,
    timeout: CHECK_TIMEOUT_MS,
  })
  probe.once('response', (answer) => setReady(replica, answer.resume().statusCode === 200))
  probe.once('timeout', () => probe.destroy(new Error('no answer')))
  probe.once('error', () => setReady(replica, false))
}

/** Ready replicas, beginning with the one whose turn it is. */
function candidates() {
  turn = (turn + 1) % replicas.length
  return [...replicas.slice(turn), ...replicas.slice(0, turn)].filter((replica) => replica.isReady)
}

/** A replica that was not reached has done nothing. One that broke off may have, and then only a repeat that changes nothing more is safe. */
function mayRepeat(method, reason) {
  return reason.code === 'ECONNREFUSED' || method !== 'POST'
}

function forward(incoming, outgoing, body, [replica, ...others]) {
  if (replica === undefined) {
    outgoing.writeHead(503, { 'Retry-After': '1' }).end('no replica is ready\n')
    return
  }
  const { method, url, headers } = incoming
  const onward = request({ host: HOST, port: replica.port, method, path: url, headers, agent: false })
  onward.once('response', (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers)
    answer.pipe(outgoing)
    answer.once('error', () => outgoing.destroy())
  })
  onward.once('error', (reason) => {
    setReady(replica, false)
    if (outgoing.headersSent) outgoing.destroy()
    else if (mayRepeat(method, reason)) forward(incoming, outgoing, body, others)
    else outgoing.writeHead(502).end('the replica broke off; it may have taken the push\n')
  })
  onward.end(body)
}

const server = createServer((incoming, outgoing) => {
  const chunks = []
  let bytes = 0
  incoming.on('data', (chunk) => {
    bytes += chunk.length
    if (bytes > LARGEST_BODY_BYTES)
      outgoing.writeHead(413, { Connection: 'close' }).end('larger than 64 MiB\n')
    else chunks.push(chunk)
  })
  incoming.once('end', () => {
    if (!outgoing.headersSent) forward(incoming, outgoing, Buffer.concat(chunks), candidates())
  })
})

for (const replica of replicas) check(replica)
setInterval(() => replicas.forEach(check), CHECK_EVERY_MS)
server.listen(PORT, () =>
  say(`listening at http://localhost:${PORT} for the replicas on ports ${REPLICA_PORTS.join(' and ')}`),
)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0))
