import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, makeFolder, removeFolder, startChild } from './child.ts'
import { freePort } from './free-port.ts'
import { type PeerName, peerOrThrow } from './peers.ts'

export interface PrometheusOptions {
  /** The whole configuration file. */
  readonly config: string
  readonly port?: number
  readonly flags?: readonly string[]
  readonly peer?: Extract<PeerName, 'prometheus' | 'prometheus3'>
  /** Only scrapes and writes to others: it answers no queries. */
  readonly agent?: boolean
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface Prometheus extends Child {
  readonly port: number
  readonly url: string
  /** An instant query; scalars and vectors, in Prometheus' order. */
  query(expression: string): Promise<Sample[]>
  /** Health of every target as Prometheus sees it: `up`, `down` or `unknown`. */
  targets(): Promise<{ readonly url: string; readonly health: string; readonly lastError: string }[]>
}

/** A configuration that scrapes one target every `intervalMs`; `global` are more lines of that name. */
export function scrapeConfig(target: string, intervalMs = 1000, ...global: readonly string[]): string {
  return [
    'global:',
    `  scrape_interval: ${intervalMs}ms`,
    `  scrape_timeout: ${intervalMs}ms`,
    ...global,
    'scrape_configs:',
    '  - job_name: pgr',
    '    honor_labels: true',
    '    static_configs:',
    `      - targets: ['${target}']`,
    '',
  ].join('\n')
}

/** What version 2 has a feature flag for. */
export const NATIVE_HISTOGRAMS = '  scrape_native_histograms: true'

/** What a scrape takes up, and another Prometheus, or whoever takes remote write, is sent. */
export interface RemoteWriteConfig {
  /** `host:port`, by the name of the job. */
  readonly targets: Readonly<Record<string, string>>
  readonly intervalMs: number
  /** Of the receiver, with its path. */
  readonly url: string
  /** The message of 2.0 instead of that of 1.0, as Prometheus has it since 3. */
  readonly version2?: boolean
}

/** A configuration that scrapes targets and sends at once all it finds, and what it knows of its families every second. */
export function remoteWriteConfig({ targets, intervalMs, url, version2 = false }: RemoteWriteConfig): string {
  return [
    'global:',
    `  scrape_interval: ${intervalMs}ms`,
    `  scrape_timeout: ${intervalMs}ms`,
    ...(version2 ? [NATIVE_HISTOGRAMS] : []),
    'scrape_configs:',
    ...Object.entries(targets).flatMap(([job, target]) => [
      `  - job_name: ${job}`,
      '    static_configs:',
      `      - targets: ['${target}']`,
    ]),
    'remote_write:',
    `  - url: ${url}`,
    '    send_exemplars: true',
    '    send_native_histograms: true',
    '    queue_config: {batch_send_deadline: 100ms, max_backoff: 1s}',
    '    metadata_config: {send: true, send_interval: 1s}',
    ...(version2 ? ['    protobuf_message: io.prometheus.write.v2.Request'] : []),
    '',
  ].join('\n')
}

/** Starts Prometheus with its data in a temporary folder. Call only inside `describeWith` of the peer. */
export async function startPrometheus({
  config,
  port: wanted,
  flags = [],
  peer = 'prometheus',
  agent = false,
}: PrometheusOptions): Promise<Prometheus> {
  const { path } = peerOrThrow(peer)
  const port = wanted ?? (await freePort())
  const folder = makeFolder('prometheus')
  const file = join(folder, 'prometheus.yml')
  writeFileSync(file, config)
  const url = `http://127.0.0.1:${port}`
  const child = startChild({
    name: peer,
    command: path,
    args: [
      `--config.file=${file}`,
      ...(agent
        ? [
            peer === 'prometheus3' ? '--agent' : '--enable-feature=agent',
            `--storage.agent.path=${folder}/data`,
          ]
        : [`--storage.tsdb.path=${folder}/data`]),
      `--web.listen-address=127.0.0.1:${port}`,
      ...flags,
    ],
    folder,
  })
  await child.until('is ready', async () => (await fetch(`${url}/-/ready`)).status === 200)
  return {
    ...child,
    port,
    url,
    async query(expression) {
      const { resultType, result } = (await readData(
        `${url}/api/v1/query?query=${encodeURIComponent(expression)}`,
      )) as QueryData
      if (resultType === 'scalar') return [{ metric: {}, value: Number((result as [number, string])[1]) }]
      return (result as VectorEntry[]).map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
    async targets() {
      const { activeTargets } = (await readData(`${url}/api/v1/targets`)) as TargetData
      return activeTargets.map(({ scrapeUrl, health, lastError }) => ({ url: scrapeUrl, health, lastError }))
    },
    async stop(deadlineMs) {
      const exit = await child.stop(deadlineMs)
      removeFolder(folder)
      return exit
    },
    async kill() {
      const exit = await child.kill()
      removeFolder(folder)
      return exit
    },
  }
}

type VectorEntry = { metric: Record<string, string>; value: [number, string] }
type QueryData = { resultType: string; result: unknown }
type TargetData = { activeTargets: { scrapeUrl: string; health: string; lastError: string }[] }

async function readData(url: string): Promise<unknown> {
  const response = await fetch(url)
  const body = (await response.json()) as { status: string; error?: string; data: unknown }
  if (body.status !== 'success') throw new Error(`${url} answered ${response.status}: ${body.error}`)
  return body.data
}
