/**
 * Pushes over bare sockets, in a process of its own, so that it costs far less than what it measures and shares its event
 * loop with nothing.
 *
 *   node push.mjs '{"mode": "closed", "urls": ["http://127.0.0.1:9753"], "connections": 16, "seconds": 3, "load": {…}}'
 *
 * Modes: `each` pushes every group of the load once; `closed` pushes for `seconds`, each connection one at a time; `open`
 * pushes `rate` times a second for `seconds`, or until standard input ends, whatever the answers take; `prepare` writes the
 * requests to `file` for another generator. Prints one line of JSON.
 */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { groupsOf, requestOf } from './bodies.mjs'

const spec = JSON.parse(process.argv[2])
const groups = groupsOf(spec.load)
/** Of each group as many requests with values of their own, so that what is pushed again has changed. */
const VERSIONS = 4

/** A timer of Node wakes to the millisecond; waiting in a thread wakes to some microseconds. Time begins when it runs. */
const METRONOME = `
const { parentPort, workerData } = require('node:worker_threads')
const cell = new Int32Array(new SharedArrayBuffer(4))
const nowMs = () => performance.timeOrigin + performance.now()
const originMs = nowMs()
for (let number = 0; number < workerData.total; number++) {
  const waitMs = originMs + (number * 1000) / workerData.rate - nowMs()
  if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs)
  parentPort.postMessage({ number, originMs })
}`

const statuses = {}
/** Milliseconds, in the order of the answers. */
const latencies = []

const MODES = { each, closed, open, prepare }
const cpuBefore = process.cpuUsage()
let startedMs = performance.now()
await MODES[spec.mode]()
const seconds = (performance.now() - startedMs) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
latencies.sort((a, b) => a - b)
process.stdout.write(
  `${JSON.stringify({
    requests: latencies.length,
    seconds,
    statuses,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    cpuSeconds: (user + system) / 1e6,
  })}\n`,
)
process.exit()

function quantile(q) {
  return latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? null
}

async function each() {
  const rest = groups.values()
  await Promise.all(
    connections(async (connection) => {
      for (const group of rest) await timed(connection, requestOf(spec.load, group, spec.load.version ?? 0))
    }),
  )
}

async function closed() {
  const requests = prepared()
  const endMs = performance.now() + spec.seconds * 1000
  let sent = 0
  await Promise.all(
    connections(async (connection) => {
      while (performance.now() < endMs) await timed(connection, requests[sent++ % requests.length])
    }),
  )
}

/**
 * A push that cannot be sent when it is due, because every connection is busy, waits; its latency counts from when it was
 * due.
 */
async function open() {
  const requests = prepared()
  const idle = await Promise.all(connections(async (connection) => connection))
  const queue = []
  const total = spec.seconds === undefined ? Number.POSITIVE_INFINITY : Math.round(spec.seconds * spec.rate)
  let sent = 0
  let isOver = false
  const send = async (connection, dueMs) => {
    for (let next = dueMs; next !== undefined; next = queue.shift()) {
      count(await connection(requests[sent++ % requests.length]), next)
      if (latencies.length === total) finish()
    }
    idle.push(connection)
  }
  let finish
  const finished = new Promise((resolve) => {
    finish = () => {
      isOver = true
      resolve()
    }
  })
  if (spec.seconds === undefined) process.stdin.resume().once('end', finish)
  const metronome = new Worker(METRONOME, { eval: true, workerData: { rate: spec.rate, total } })
  let due = 0
  metronome.on('message', ({ number, originMs }) => {
    if (number === 0) startedMs = originMs - performance.timeOrigin
    // Every push up to this one, if some ticks came together.
    for (; due <= number && !isOver; due++) {
      const dueMs = originMs + (due * 1000) / spec.rate - performance.timeOrigin
      const connection = idle.pop()
      if (connection === undefined) queue.push(dueMs)
      else void send(connection, dueMs)
    }
  })
  await finished
  await metronome.terminate()
}

/** Each request behind a line with its length. */
async function prepare() {
  const pieces = prepared().flatMap((request) => [`${request.length}\n`, request])
  writeFileSync(spec.file, Buffer.concat(pieces.map((piece) => Buffer.from(piece))))
}

function prepared() {
  return Array.from({ length: VERSIONS }, (_, version) =>
    groups.map((group) => requestOf(spec.load, group, (spec.load.version ?? 0) + version)),
  ).flat()
}

async function timed(connection, request) {
  const sentMs = performance.now()
  count(await connection(request), sentMs)
}

function count(status, sinceMs) {
  latencies.push(performance.now() - sinceMs)
  statuses[status] = (statuses[status] ?? 0) + 1
}

/** Opens the connections, turn and turn about to the addresses, and lets `work` have each. */
function connections(work) {
  return Array.from({ length: spec.connections }, async (_, n) =>
    work(await dial(spec.urls[n % spec.urls.length])),
  )
}

/** A connection as a function that sends a request and resolves with the status of its answer. */
function dial(url) {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    let answered
    let buffered = ''
    socket.setEncoding('latin1')
    socket.once('error', reject)
    socket.once('connect', () =>
      resolve(
        (request) =>
          new Promise((answer) => {
            answered = answer
            socket.write(request)
          }),
      ),
    )
    socket.on('close', () => fail(`${url} closed a connection`))
    socket.on('data', (text) => {
      buffered += text
      const headEnd = buffered.indexOf('\r\n\r\n')
      if (headEnd === -1) return
      const length = Number(/content-length: (\d+)/i.exec(buffered.slice(0, headEnd))?.[1] ?? 0)
      if (buffered.length < headEnd + 4 + length) return
      const status = buffered.slice(9, 12)
      buffered = ''
      answered(status)
    })
  })
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
