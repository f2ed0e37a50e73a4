import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { makeFolder, removeFolder, startChild } from '../support/child.ts'
import { isShown, readBlocks } from '../support/page-commands.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (name: string): string => readFileSync(`${ROOT}${name}`, 'utf8')
const { version } = JSON.parse(read('package.json')) as { version: string }

const page = read('docs/cron.md')
let pgr: Pgr
let folder: string

beforeAll(async () => {
  pgr = await startPgr()
  folder = makeFolder('cron')
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const programs = {
    pgr: `exec ${process.execPath} ${ROOT}bin/run.js "$@"`,
    backup: 'test "$*" = --full',
    import: 'test "$*" = --since=yesterday',
    report: 'echo all is well',
  }
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
})
afterAll(async () => {
  await pgr?.kill()
  removeFolder(folder)
})

/** Runs a command line as it stands, with a gateway and a folder for temporary files of the test's own. */
async function run(line: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const here = line
    .replaceAll('http://pgr.example:9753', pgr.url)
    .replaceAll('http://pgr:9753', pgr.url)
    .replaceAll('/tmp/', `${folder}/`)
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('PGR_'))
  const child = startChild({
    name: line,
    command: 'sh',
    args: ['-c', `set -e\n${here}`],
    cwd: folder,
    env: {
      ...Object.fromEntries(clean),
      PGR_URL: pgr.url,
      ...env,
      PATH: `${folder}/bin:${process.env['PATH']}`,
    },
  })
  expect((await child.exited).code, child.output()).toBe(0)
  return child.output()
}

/** Runs a command line, and expects it to tell the gateway of one run of this job that succeeded. */
async function runJob(
  line: string,
  labels: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const startedSeconds = Date.now() / 1000
  expect(await run(line, env)).toBe('')
  const text = await (await fetch(`${pgr.url}/metrics`)).text()
  expect(text).toContain(`pgr_job_last_exit_code{${labels}} 0\n`)
  const ended = text
    .split('\n')
    .find((each) => each.startsWith(`pgr_job_last_run_timestamp_seconds{${labels}} `))
  expect(Number(ended?.split(' ').at(-1))).toBeGreaterThanOrEqual(startedSeconds)
}

describe('the page on cron', () => {
  const files = [...page.matchAll(/^```(?:crontab|ini|yaml)\n([\s\S]*?)^```$/gm)].map(([, text]) => text)

  it.each([
    'examples/cron/crontab',
    'examples/cron/backup.service',
    'examples/cron/backup.timer',
    'examples/k8s/cronjob-command.yaml',
    'examples/cron/github-actions.yml',
    'examples/cron/gitlab-ci.yml',
    'examples/job-alerts.yml',
  ])('shows %s as it is', (name) => {
    expect(page).toContain(`(../${name})`)
    expect(files).toContain(read(name))
  })

  describeWith('curl', 'has commands', () => {
    const blocks = readBlocks(page)
    it.each(
      blocks.filter(({ kinds }) => !kinds.includes('install')).map((block) => [block.line, block] as const),
    )('that do what line %i says', async (_line, { command, shows }) => {
      const output = await run(command)
      expect(isShown(output, shows), output).toBe(true)
    })
  })
})

describe('the recipe for', () => {
  it('cron runs its commands', async () => {
    const lines = read('examples/cron/crontab').split('\n')
    const jobs = lines.flatMap(
      (line) => /^([\d*]\S*) +(\S+) +(\S+) +(\S+) +(\S+) +(.*)$/.exec(line)?.[6] ?? [],
    )
    const others = lines.filter((line) => line !== '' && !jobs.some((job) => line.endsWith(job)))
    expect(others.filter((line) => !/^(#|[A-Z_]+=\S+$)/.test(line))).toEqual([])
    // Cron takes a per cent sign for the end of the line.
    expect(jobs.filter((job) => job.includes('%'))).toEqual([])
    const [backup = '', imports = '', report = ''] = jobs
    expect(jobs).toHaveLength(3)
    await runJob(backup, 'instance="db1",job="backup"')
    await runJob(imports, 'instance="",job="import"')
    await runJob(report, 'instance="",job="report"')
  })

  it('systemd runs its command', async () => {
    const service = read('examples/cron/backup.service')
    const [, environment = ''] = /^Environment=(.*)$/m.exec(service) ?? []
    const [, command = ''] = /^ExecStart=(.*)$/m.exec(service) ?? []
    await runJob(`${environment} ${command}`, 'instance="db1",job="backup"')
  })

  const { status } = spawnSync('systemd-analyze', ['--version'])
  it.runIf(status === 0)('systemd is what systemd takes', () => {
    const units = ['backup.service', 'backup.timer'].map((name) => {
      copyFileSync(`${ROOT}examples/cron/${name}`, join(folder, name))
      return join(folder, name)
    })
    const { status: verdict, stderr } = spawnSync('systemd-analyze', ['verify', ...units], {
      encoding: 'utf8',
    })
    expect([verdict, stderr]).toEqual([0, ''])
  })

  it('Kubernetes runs its command', async () => {
    const { spec } = parse(read('examples/k8s/cronjob-command.yaml'))
    const { command, args } = spec.jobTemplate.spec.template.spec.containers[0]
    await runJob(
      [...command, ...args].map((word: string) => `'${word}'`).join(' '),
      'instance="",job="import"',
    )
  })

  it('GitHub keeps its form and runs its commands', async () => {
    const workflow = parse(read('examples/cron/github-actions.yml'))
    const check = new Ajv({ strict: true, strictRequired: false }).compile(WORKFLOW)
    check(workflow)
    expect(check.errors ?? []).toEqual([])
    const { env, steps } = workflow.jobs.nightly
    expect(Object.entries(env).map(([name, value]) => value === `\${{ secrets.${name} }}`)).toEqual([
      true,
      true,
      true,
    ])
    const [install, job] = steps.map((step: { run: string }) => step.run)
    expect(install).toBe(`npm install --global pushgateway-redis@${version}`)
    await runJob(job, 'instance="",job="import",repository="me/it"', { GITHUB_REPOSITORY: 'me/it' })
  })

  it('GitLab runs its commands', async () => {
    const { nightly } = parse(read('examples/cron/gitlab-ci.yml'))
    expect(Object.keys(nightly).sort()).toEqual(['before_script', 'image', 'rules', 'script', 'timeout'])
    expect(nightly.before_script).toEqual([`npm install --global pushgateway-redis@${version}`])
    expect(nightly.script).toHaveLength(1)
    await runJob(nightly.script[0], 'instance="",job="import",project="me/it"', { CI_PROJECT_PATH: 'me/it' })
  })
})

/** The part of the form of a workflow that the example uses, strictly. */
const WORKFLOW = {
  type: 'object',
  required: ['name', 'on', 'permissions', 'jobs'],
  additionalProperties: false,
  properties: {
    name: { type: 'string' },
    on: {
      type: 'object',
      required: ['schedule'],
      additionalProperties: false,
      properties: {
        schedule: {
          type: 'array',
          items: {
            type: 'object',
            required: ['cron'],
            additionalProperties: false,
            properties: { cron: { type: 'string', pattern: '^\\S+( \\S+){4}$' } },
          },
        },
        workflow_dispatch: { type: 'null' },
      },
    },
    permissions: { type: 'object', additionalProperties: { enum: ['read', 'write', 'none'] } },
    jobs: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['runs-on', 'steps'],
        additionalProperties: false,
        properties: {
          'runs-on': { type: 'string' },
          'timeout-minutes': { type: 'integer', minimum: 1 },
          env: { type: 'object', additionalProperties: { type: 'string' } },
          steps: {
            type: 'array',
            minItems: 1,
            items: {
              type: 'object',
              required: ['name', 'run'],
              additionalProperties: false,
              properties: { name: { type: 'string' }, run: { type: 'string' } },
            },
          },
        },
      },
    },
  },
}

describeWith('promtool', 'the alerts on jobs', () => {
  const DAY = 24 * 3600
  /** Two days, minute by minute: what makes each fire at the end of them, and what is nearly that. */
  const causes: Record<string, { fires: Record<string, string>; quiet: Record<string, string> }> = {
    JobFailed: {
      fires: { 'pgr_job_last_status{job="x"}': '0x2880' },
      quiet: { 'pgr_job_last_status{job="x"}': '1x2880' },
    },
    JobNeverSucceeded: {
      fires: { 'pgr_job_last_run_timestamp_seconds{job="x"}': '60x2880' },
      quiet: {
        'pgr_job_last_run_timestamp_seconds{job="x"}': '60x2880',
        'pgr_job_last_success_timestamp_seconds{job="x"}': '60x2880',
      },
    },
    JobMissed: {
      fires: { 'pgr_job_last_success_timestamp_seconds{job="backup"}': `${DAY - 3 * 3600}x2880` },
      quiet: { 'pgr_job_last_success_timestamp_seconds{job="backup"}': `${DAY - 3600}x2880` },
    },
    JobUnknown: {
      fires: { 'up{job="pushed"}': '1x2880' },
      quiet: { 'up{job="pushed"}': '1x2880', 'pgr_job_last_run_timestamp_seconds{job="backup"}': '60x2880' },
    },
    JobTooLong: {
      fires: {
        'pgr_job_running{job="backup"}': '1x2880',
        'pgr_job_start_timestamp_seconds{job="backup"}': `${2 * DAY - 5 * 3600}x2880`,
      },
      quiet: {
        'pgr_job_running{job="backup"}': '0x2880',
        'pgr_job_start_timestamp_seconds{job="backup"}': `${2 * DAY - 5 * 3600}x2880`,
      },
    },
    JobVanished: {
      fires: {
        'pgr_job_running{job="import"}': '1x2880',
        'push_time_seconds{job="import"}': `${2 * DAY - 600}x2880`,
      },
      quiet: { 'pgr_job_running{job="import"}': '1x2880', 'push_time_seconds{job="import"}': '0+60x2880' },
    },
  }
  const { groups } = parse(read('examples/job-alerts.yml')) as { groups: { rules: { alert: string }[] }[] }
  const names = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))

  it('have a cause each', () => {
    expect(Object.keys(causes).sort()).toEqual([...names].sort())
  })

  it.each(names)('%s fires for its cause and not for what is nearly one', async (name) => {
    const expected = (series: Record<string, string> = {}, count: number) => ({
      interval: '1m',
      input_series: Object.entries(series).map(([each, values]) => ({ series: each, values })),
      promql_expr_test: [
        {
          expr: `count(ALERTS{alertname="${name}",alertstate="firing"}) or vector(0)`,
          eval_time: '2d',
          exp_samples: [{ labels: '{}', value: count }],
        },
      ],
    })
    const tests = [expected(causes[name]?.fires, 1), expected(causes[name]?.quiet, 0)]
    const file = join(folder, `${name}.json`)
    writeFileSync(
      file,
      JSON.stringify({ rule_files: [`${ROOT}examples/job-alerts.yml`], evaluation_interval: '1m', tests }),
    )
    const child = startChild({
      name: 'promtool',
      command: peerOrThrow('promtool').path,
      args: ['test', 'rules', file],
    })
    expect((await child.exited).code, child.output()).toBe(0)
  })
})
