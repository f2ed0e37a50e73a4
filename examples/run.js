#!/usr/bin/env node
/**
 * The example, step by step or as a whole; docs/getting-started.md walks through it.
 *
 *   redis        a Redis with its data in a temporary folder
 *   replicas     two gateways on that Redis; one that dies is started again, as Kubernetes would
 *   prometheus   a Prometheus that scrapes the balancer
 *   ingest       sends examples/data.txt
 *   kill [1|2]   kills a replica without warning
 *   all          redis, replicas, balancer and, where installed, Prometheus; then the data
 *
 * Ports: EXAMPLE_REDIS_PORT, EXAMPLE_REPLICA_PORTS, EXAMPLE_BALANCER_PORT, EXAMPLE_PROMETHEUS_PORT.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  answers,
  findProgram,
  isInstalled,
  makeFolder,
  run,
  say,
  startLasting,
  startReviving,
  until,
} from './processes.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const { env } = process
const REDIS_PORT = env.EXAMPLE_REDIS_PORT ?? '6379'
const REPLICA_PORTS = (env.EXAMPLE_REPLICA_PORTS ?? '9761,9762').split(',')
const BALANCER_PORT = env.EXAMPLE_BALANCER_PORT ?? '9753'
const PROMETHEUS_PORT = env.EXAMPLE_PROMETHEUS_PORT ?? '9090'
/** How `kill` in one terminal finds the replicas of another. */
const PIDS = join(tmpdir(), `pgr-example-${REPLICA_PORTS.join('-')}`)

/** Whether something listens on a port. */
function connects(port) {
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Settled as pgr would have it, though all of it is gone afterwards. */
async function startRedis() {
  const command = findProgram('redis-server', 'valkey-server')
  const folder = makeFolder('redis')
  const settings = {
    port: REDIS_PORT,
    bind: '127.0.0.1',
    dir: folder,
    maxmemory: '256mb',
    save: '',
    appendonly: 'yes',
    loglevel: 'warning',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  startLasting('redis', command, flags)
  await until('redis is ready', () => connects(REDIS_PORT))
  say(`redis is ready on port ${REDIS_PORT}`)
}

async function startReplica(number) {
  const port = REPLICA_PORTS[number - 1]
  const args = [
    join(ROOT, 'bin/run.js'),
    'serve',
    '--port',
    port,
    '--redis.endpoint',
    `127.0.0.1:${REDIS_PORT}`,
  ]
  await startReviving({
    name: `replica ${number}`,
    command: process.execPath,
    args,
    isUp: () => answers(`http://127.0.0.1:${port}/-/ready`),
    onStart: ({ pid }) => writeFileSync(join(PIDS, `${number}`), String(pid)),
    onUp: () => say(`replica ${number} is ready at http://localhost:${port}`),
  })
}

async function startReplicas() {
  mkdirSync(PIDS, { recursive: true })
  process.once('exit', () => rmSync(PIDS, { recursive: true, force: true }))
  await Promise.all(REPLICA_PORTS.map((_, index) => startReplica(index + 1)))
}

async function startBalancer() {
  startLasting('balancer', process.execPath, [join(ROOT, 'examples/balancer.js')])
  await until('the balancer is ready', () => answers(`http://127.0.0.1:${BALANCER_PORT}/-/ready`))
}

/** The configuration names the usual ports; others are put in their place. */
function prometheusConfig() {
  return readFileSync(join(ROOT, 'examples/prometheus.yml'), 'utf8')
    .replace('localhost:9753', `localhost:${BALANCER_PORT}`)
    .replace(
      "'localhost:9761', 'localhost:9762'",
      REPLICA_PORTS.map((port) => `'localhost:${port}'`).join(', '),
    )
}

async function startPrometheus() {
  const folder = makeFolder('prometheus')
  const file = join(folder, 'prometheus.yml')
  writeFileSync(file, prometheusConfig())
  startLasting('prometheus', 'prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${PROMETHEUS_PORT}`,
    '--log.level=warn',
  ])
  await until('prometheus is ready', () => answers(`http://127.0.0.1:${PROMETHEUS_PORT}/-/ready`))
  say(`prometheus is ready at http://localhost:${PROMETHEUS_PORT}`)
}

async function ingest() {
  const url = `http://localhost:${BALANCER_PORT}/ingest`
  const body = readFileSync(join(ROOT, 'examples/data.txt'))
  const answer = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'text/plain; version=0.0.4' },
  })
  const reason = await answer.text()
  say(
    `examples/data.txt to ${url}: ${answer.status} ${answer.statusText}${reason === '' ? '' : `\n${reason}`}`,
  )
  if (!answer.ok) process.exitCode = 1
}

function kill(number) {
  process.kill(Number(readFileSync(join(PIDS, number), 'utf8')), 'SIGKILL')
  say(`replica ${number} was killed`)
}

async function all() {
  await startRedis()
  await startReplicas()
  await startBalancer()
  if (isInstalled('prometheus')) await startPrometheus()
  else say('prometheus is not installed, so nothing scrapes')
  await ingest()
  say(`
Everything runs. From another terminal:

  curl http://localhost:${BALANCER_PORT}/metrics      shows what was pushed
  npm run example:ingest                   pushes it again
  npm run example:kill                     kills replica 1; the line above goes on working
`)
}

const [task = 'all', argument = '1'] = process.argv.slice(2)
const tasks = {
  redis: startRedis,
  replicas: startReplicas,
  prometheus: startPrometheus,
  ingest,
  kill: () => kill(argument),
  all,
}
await run(async () => {
  if (!Object.hasOwn(tasks, task))
    throw new Error(`there is no task "${task}"; there are ${Object.keys(tasks).join(', ')}`)
  await tasks[task]()
})
