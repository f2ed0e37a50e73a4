#!/usr/bin/env node
/**
 * A Redis that outlives the loss of a server, on this machine, and two gateways on it; docs/redis.md has more.
 *
 *   sentinel   a primary, two replicas and three Sentinels
 *   cluster    a Cluster of three primaries with a replica each
 *
 * Pushes to one gateway, scrapes the other, then kills a primary while both are pushed to. All of it goes on running
 * until Ctrl-C, which also removes the data; a server that is killed is started again after ten seconds.
 *
 * With --only-redis there are no gateways: the line to start one is printed.
 *
 * Ports: EXAMPLE_REDIS_PORTS and EXAMPLE_SENTINEL_PORTS, EXAMPLE_CLUSTER_PORTS, EXAMPLE_REPLICA_PORTS.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { answers, run, say, startReviving } from './processes.js'
import { startCluster, startSentinel } from './redis-topologies.js'

const PGR = fileURLToPath(new URL('../bin/run.js', import.meta.url))
const REDIS_PORTS = portsOf('EXAMPLE_REDIS_PORTS', '6381,6382,6383')
const SENTINEL_PORTS = portsOf('EXAMPLE_SENTINEL_PORTS', '26381,26382,26383')
const CLUSTER_PORTS = portsOf('EXAMPLE_CLUSTER_PORTS', '7001,7002,7003,7004,7005,7006')
const GATEWAY_PORTS = portsOf('EXAMPLE_REPLICA_PORTS', '9761,9762')

const PUSH_EVERY_MS = 50
const PUSH_AGAIN_AFTER_MS = 250
/** How long pushes go on before the primary is killed, and those of how long afterwards are waited for. */
const CALM_MS = 1000

function portsOf(name, usual) {
  return (process.env[name] ?? usual).split(',')
}

function show({ servers, flags }) {
  for (const { role, address, pid } of servers) say(`${role.padEnd(8)} ${address}  (process ${pid})`)
  say(`\nA gateway on it:\n\n  pgr serve ${flags.join(' ')}\n`)
}

async function startGateway(number, flags) {
  const url = urlOf(number)
  await startReviving({
    name: `gateway ${number}`,
    command: process.execPath,
    args: [PGR, 'serve', `--port=${GATEWAY_PORTS[number - 1]}`, ...flags],
    isUp: () => answers(`${url}/-/ready`),
    onUp: () => say(`gateway ${number} is ready at ${url}`),
  })
}

function urlOf(number) {
  return `http://localhost:${GATEWAY_PORTS[number - 1]}`
}

/** Pushes one value to a group of its own, and again until it is taken. Returns how many tries it took. */
async function push(number, n) {
  for (let tries = 1; ; tries++) {
    const answer = await fetch(`${urlOf(number)}/metrics/job/example/push/${n}`, {
      method: 'PUT',
      body: `example_push ${n}\n`,
    })
    const reason = await answer.text()
    if (answer.ok) return tries
    if (answer.status !== 503) throw new Error(`push ${n}: ${answer.status} ${reason}`)
    await sleep(PUSH_AGAIN_AFTER_MS)
  }
}

/** Lines of a gateway's page that show what was pushed here. */
async function scrape(number) {
  const answer = await fetch(`${urlOf(number)}/metrics`)
  const page = await answer.text()
  if (!answer.ok) throw new Error(`scrape: ${answer.status} ${page}`)
  return page.split('\n').filter((line) => line.startsWith('example_push{'))
}

async function showSharing() {
  await push(1, 0)
  say(`\npushed to gateway 1; gateway 2 shows\n\n  ${(await scrape(2)).join('\n  ')}\n`)
}

/** Twenty pushes a second, to both gateways in turn, with a primary killed in the middle. */
async function showLoss(killPrimary) {
  const tries = []
  let isOver = false
  const pushAll = async () => {
    for (let n = 1; !isOver; n++) {
      tries.push(push((n % 2) + 1, n))
      await sleep(PUSH_EVERY_MS)
    }
  }
  const pushing = pushAll()
  await sleep(CALM_MS)
  say(`the primary ${await killPrimary()} is killed while both gateways are pushed to`)
  const killedMs = performance.now()
  await sleep(CALM_MS)
  await Promise.all(tries)
  const tookSeconds = ((performance.now() - killedMs) / 1000).toFixed(1)
  isOver = true
  await pushing
  const repeated = (await Promise.all(tries)).filter((count) => count > 1).length
  say(`${tookSeconds} s later every push was taken, ${repeated} of them not at the first try`)
  const lines = new Set(await scrape(2))
  const isMissing = (_, index) =>
    !lines.has(`example_push{instance="",job="example",push="${index + 1}"} ${index + 1}`)
  say(`of ${tries.length} pushes ${tries.filter(isMissing).length} are missing from the page of gateway 2`)
}

async function example(topology) {
  show(topology)
  if (process.argv.includes('--only-redis')) return
  await Promise.all(GATEWAY_PORTS.map((_, index) => startGateway(index + 1, topology.flags)))
  await showSharing()
  await showLoss(topology.killPrimary)
  say('\nEverything runs. Ctrl-C stops it and removes the data.')
}

const topologies = {
  sentinel: () => startSentinel(REDIS_PORTS, SENTINEL_PORTS),
  cluster: () => startCluster(CLUSTER_PORTS),
}
const [task = ''] = process.argv.slice(2)
await run(async () => {
  if (!Object.hasOwn(topologies, task))
    throw new Error(`say which topology: ${Object.keys(topologies).join(' or ')}`)
  await example(await topologies[task]())
})
