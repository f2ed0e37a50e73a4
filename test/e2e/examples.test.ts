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

describeWith('promtool', 'the alerts', () => {
  /** What makes each of them fire, for a quarter of an hour from the start. */
  const causes: Record<string, string> = {
    PgrPageMissing: 'up{job="pushed"}: 0x15',
    PgrStoreAway: 'pgr_store_up: 0x15',
    PgrViewOld: 'pgr_view_age_seconds: 0+60x15',
    PgrHistoryLost: 'pgr_store_history_losses_total{cause="failover"}: 0 1x14',
    PgrPushesLost: 'pgr_store_lost_writes_total: 0 7x14',
    PgrStoreFinding: 'pgr_store_finding{finding="persistence"}: 0x15',
    PgrReloadFailed: 'pgr_config_last_reload_successful: 0x15',
    PgrPushesRefused: 'pgr_rejected_total{reason="PGR_STORE_UNAVAILABLE"}: 0+10x15',
  }
  const { groups } = parse(readFileSync(`${EXAMPLES}alerts.yml`, 'utf8')) as {
    groups: { rules: { alert: string }[] }[]
  }
  const names = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))

  it('have a cause each', () => {
    expect(Object.keys(causes).sort()).toEqual([...names].sort())
  })

  it.each(names)('%s fires for its cause and not without', async (name) => {
    const [series = '', values = ''] = (causes[name] ?? '').split(': ')
    const folder = makeFolder('promtool')
    folders.push(folder)
    const fires = (input: string, count: number) => ({
      interval: '1m',
      input_series: [{ series: input, values }],
      promql_expr_test: [
        {
          expr: `count(ALERTS{alertname="${name}",alertstate="firing"}) or vector(0)`,
          eval_time: '12m',
          exp_samples: [{ labels: '{}', value: count }],
        },
      ],
    })
    const tests = [fires(series, 1), fires('other', 0)]
    const file = join(folder, 'test.yml')
    writeFileSync(
      file,
      JSON.stringify({ rule_files: [`${EXAMPLES}alerts.yml`], evaluation_interval: '1m', tests }),
    )
    const child = startChild({
      name: 'promtool',
      command: peerOrThrow('promtool').path,
      args: ['test', 'rules', file],
    })
    expect((await child.exited).code, child.output()).toBe(0)
  })
})
