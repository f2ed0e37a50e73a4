/**
 * Redis of several servers on this machine, with the settings of examples/redis but for addresses, folders and times: here a
 * server counts as gone after a second or two, so that nobody has to wait.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findProgram, makeFolder, startReviving, until } from './processes.js'

const CONFIGS = fileURLToPath(new URL('redis/', import.meta.url))
const HOST = '127.0.0.1'
const MASTER_NAME = 'pgr'

/** Nothing is to be kept, and a Redis that is about to write its first append-only file refuses SIGTERM. */
const STOP_SIGNAL = 'SIGKILL'

const pids = new Map()

/** Asks one server one thing, as `redis-cli` prints it; empty while it does not answer. */
async function ask(port, ...words) {
  const cli = findProgram('redis-cli', 'valkey-cli')
  const { stdout } = await promisify(execFile)(cli, ['-h', HOST, '-p', port, ...words]).catch(() => ({
    stdout: '',
  }))
  return stdout.trim()
}

async function startServer(port, config, ...flags) {
  const folder = makeFolder(`redis-${port}`)
  const file = join(folder, 'redis.conf')
  writeFileSync(file, adapt(config, { port, dir: folder }))
  await startReviving({
    name: `redis on port ${port}`,
    command: findProgram('redis-server', 'valkey-server'),
    args: [file, '--logfile', join(folder, 'log'), ...flags],
    stopSignal: STOP_SIGNAL,
    isUp: async () => (await ask(port, 'PING')) === 'PONG',
    onStart: ({ pid }) => pids.set(port, pid),
  })
}

/** A configuration file with other values for some of its settings. */
function adapt(name, values) {
  let text = readFileSync(join(CONFIGS, name), 'utf8')
  for (const [setting, value] of Object.entries(values)) {
    const line = new RegExp(`^${setting} .*$`, 'm')
    if (!line.test(text)) throw new Error(`examples/redis/${name} does not set "${setting}"`)
    text = text.replace(line, `${setting} ${value}`)
  }
  return text
}

/** A primary, its replicas and the Sentinels that watch them. Resolves when all know each other. */
export async function startSentinel(redisPorts, sentinelPorts) {
  const [primary, ...replicas] = redisPorts
  await startServer(primary, 'redis.conf')
  await Promise.all(replicas.map((port) => startServer(port, 'redis.conf', '--replicaof', HOST, primary)))
  // Before Sentinels look for the first time, because they look for replicas only every ten seconds.
  await until('the replicas follow', async () => {
    const state = await ask(primary, 'INFO', 'replication')
    return state.match(/state=online/g)?.length === replicas.length
  })
  await Promise.all(sentinelPorts.map((port) => startSentinelProcess(port, primary)))
  const others = `status=ok,.*slaves=${replicas.length},sentinels=${sentinelPorts.length}`
  await until('the Sentinels know each other', async () => {
    const states = await Promise.all(sentinelPorts.map((port) => ask(port, 'INFO', 'sentinel')))
    return states.every((state) => new RegExp(others).test(state))
  })
  return {
    servers: [
      { role: 'primary', port: primary },
      ...replicas.map((port) => ({ role: 'replica', port })),
      ...sentinelPorts.map((port) => ({ role: 'sentinel', port })),
    ].map(withPid),
    flags: [`--redis.endpoint=${addresses(sentinelPorts)}`, `--redis.master-name=${MASTER_NAME}`],
    killPrimary: async () =>
      kill((await ask(sentinelPorts[0], 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)).split('\n')[1]),
  }
}

async function startSentinelProcess(port, primary) {
  const folder = makeFolder(`sentinel-${port}`)
  const file = join(folder, 'sentinel.conf')
  const settings = {
    port,
    dir: folder,
    [`sentinel monitor ${MASTER_NAME}`]: `${HOST} ${primary} 2`,
    [`sentinel down-after-milliseconds ${MASTER_NAME}`]: 1000,
    [`sentinel failover-timeout ${MASTER_NAME}`]: 5000,
  }
  writeFileSync(file, adapt('sentinel.conf', settings))
  await startReviving({
    name: `sentinel on port ${port}`,
    command: findProgram('redis-server', 'valkey-server'),
    args: [file, '--sentinel', '--logfile', join(folder, 'log')],
    stopSignal: STOP_SIGNAL,
    isUp: async () => (await ask(port, 'PING')) === 'PONG',
    onStart: ({ pid }) => pids.set(port, pid),
  })
}

/** As many primaries as replicas. Resolves when every node sees all of it in order. */
export async function startCluster(ports) {
  const flags = ['--cluster-node-timeout', '2000']
  await Promise.all(ports.map((port) => startServer(port, 'cluster-node.conf', ...flags)))
  const nodes = ports.map((port) => `${HOST}:${port}`)
  const create = ['--cluster', 'create', ...nodes, '--cluster-replicas', '1', '--cluster-yes']
  await promisify(execFile)(findProgram('redis-cli', 'valkey-cli'), create)
  await until('the cluster is whole', async () => {
    const states = await Promise.all(ports.map((port) => ask(port, 'CLUSTER', 'INFO')))
    const links = await Promise.all(ports.map((port) => ask(port, 'INFO', 'replication')))
    return (
      states.every((state) => /cluster_state:ok/.test(state)) &&
      links.every((link) => /master_link_status:up|state=online/.test(link))
    )
  })
  const roles = await Promise.all(ports.map((port) => ask(port, 'ROLE')))
  const servers = ports.map((port, index) =>
    withPid({ role: roles[index].startsWith('master') ? 'primary' : 'replica', port }),
  )
  return {
    servers,
    flags: [`--redis.endpoint=${addresses(ports)}`],
    killPrimary: () => kill(servers.find(({ role }) => role === 'primary').port),
  }
}

function withPid(server) {
  return { ...server, address: `${HOST}:${server.port}`, pid: pids.get(server.port) }
}

function addresses(ports) {
  return ports.map((port) => `${HOST}:${port}`).join(',')
}

/** Without warning; returns its address. */
function kill(port) {
  process.kill(pids.get(port), 'SIGKILL')
  return `${HOST}:${port}`
}
