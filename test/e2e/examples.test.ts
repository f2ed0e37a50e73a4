import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { type Child, makeFolder, removeFolder, startChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))

const children: Child[] = []
const folders: string[] = []
let redis: RedisServer | undefined

async function startReplica(port?: number): Promise<Pgr> {
  redis ??= await startRedis()
  const pgr = await startPgr({
    flags: ['--redis.endpoint', redis.url],
    ...(port === undefined ? {} : { port }),
  })
  children.push(pgr)
  return pgr
}

async function startBalancer(replicas: readonly Pgr[]): Promise<string> {
  const port = await freePort()
  const child = startChild({
    name: 'balancer',
    command: process.execPath,
    args: [join(EXAMPLES, 'balancer.js')],
    env: {
      ...process.env,
      EXAMPLE_BALANCER_PORT: String(port),
      EXAMPLE_REPLICA_PORTS: replicas.map((replica) => replica.port).join(','),
    },
  })
  children.push(child)
  const isSeen = (replica: Pgr): boolean =>
    child.stdout().includes(`replica on port ${replica.port} is ready`)
  await child.until('sees the replicas', () => replicas.every(isSeen))
  return `http://127.0.0.1:${port}`
}

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()))
  folders.splice(0).map(removeFolder)
  await redis?.stop()
  redis = undefined
})

describe('the balancer', () => {
  it('loses no acknowledged push and no scrape when a replica is killed under it', async () => {
    const [first, second] = [await startReplica(), await startReplica()]
    const url = await startBalancer([first, second])
    const acknowledged: number[] = []
    const statuses = new Map<string, number>()
    let isOver = false

    const push = async (lane: number): Promise<void> => {
      for (let n = lane; !isOver; n += 4) {
        // PUT may be repeated, so the client sees nothing of the loss.
        const { status } = await fetch(`${url}/metrics/job/load/n/${n}`, {
          method: 'PUT',
          body: `pushed_value ${n}\n`,
        })
        count(`PUT ${status}`)
        if (status === 200) acknowledged.push(n)
      }
    }
    const scrape = async (): Promise<void> => {
      while (!isOver) {
        const before = acknowledged.slice()
        const answer = await fetch(`${url}/metrics`)
        count(`GET ${answer.status}`)
        const page = await answer.text()
        expect(before.filter((n) => !page.includes(`n="${n}"} ${n}\n`))).toEqual([])
      }
    }
    const count = (what: string): void => {
      statuses.set(what, (statuses.get(what) ?? 0) + 1)
    }
    const lanes = [push(0), push(1), push(2), push(3), scrape()]
    await eventually(
      'some were pushed',
      () => acknowledged.length,
      (many) => many > 100,
    )
    await first.kill()
    const atKill = acknowledged.length
    await eventually(
      'many more were pushed',
      () => acknowledged.length,
      (many) => many > atKill + 100,
    )
    isOver = true
    await Promise.all(lanes)

    expect([...statuses.keys()].sort()).toEqual(['GET 200', 'PUT 200'])
    const page = await (await fetch(`${second.url}/metrics`)).text()
    expect(acknowledged.filter((n) => !page.includes(`n="${n}"} ${n}\n`))).toEqual([])
  })

  it('sends nothing to a replica that is not ready, and answers 503 when none is', async () => {
    const replica = await startReplica()
    const url = await startBalancer([replica])
    await replica.kill()
    await eventually(
      'none is ready',
      async () => (await fetch(`${url}/metrics`)).status,
      (status) => status === 503,
    )
    await startReplica(replica.port)
    await eventually(
      'one is back',
      async () => (await fetch(`${url}/metrics`)).status,
      (status) => status === 200,
    )
  })
})

describeWith('curl', 'the job on Kubernetes', () => {
  it('pushes what its script says', async () => {
    const pgr = await startPgr()
    children.push(pgr)
    const { spec } = parse(readFileSync(`${EXAMPLES}k8s/cronjob.yaml`, 'utf8')) as CronJob
    const { command, args } = spec.jobTemplate.spec.template.spec.containers[0]
    const script = args[0].replaceAll('http://pgr:9753', pgr.url)
    const child = startChild({ name: 'job', command: command[0], args: [...command.slice(1), script] })
    expect((await child.exited).code, child.output()).toBe(0)
    const page = await (await fetch(`${pgr.url}/metrics`)).text()
    expect(page).toMatch(/^backup_duration_seconds\{instance="orders",job="backup"\} \d+$/m)
    expect(page).toMatch(/^backup_last_success_timestamp_seconds\{instance="orders",job="backup"\} \S+$/m)
  })
})

interface CronJob {
  spec: {
    jobTemplate: {
      spec: { template: { spec: { containers: [{ command: [string, ...string[]]; args: [string] }] } } }
    }
  }
}

describeWith('promtool', 'the configurations of Prometheus', () => {
  const inConfigMap = (): string => {
    const documents = parseAllDocuments(readFileSync(`${EXAMPLES}k8s/prometheus.yaml`, 'utf8')).map((each) =>
      each.toJS(),
    )
    return documents.find(({ kind }) => kind === 'ConfigMap').data['prometheus.yml']
  }

  it.each([
    ['examples/prometheus.yml', () => readFileSync(`${EXAMPLES}prometheus.yml`, 'utf8')],
    ['the ConfigMap of examples/k8s/prometheus.yaml', inConfigMap],
  ])('%s is valid', async (_name, read) => {
    const folder = makeFolder('promtool')
    folders.push(folder)
    writeFileSync(join(folder, 'prometheus.yml'), read())
    const args = ['check', 'config', join(folder, 'prometheus.yml')]
    const child = startChild({ name: 'promtool', command: peerOrThrow('promtool').path, args })
    expect((await child.exited).code, child.output()).toBe(0)
  })
})
