import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Child, makeFolder, removeFolder, startChild } from './child.ts'
import { freePort } from './free-port.ts'
import { peerOrThrow } from './peers.ts'

const SOURCE = fileURLToPath(new URL('../clients/collector', import.meta.url))

export interface CollectorOptions {
  /** Where it sends what it takes, without a path. */
  readonly exportTo: string
  /** More lines for its exporter. */
  readonly exporter?: readonly string[]
}

export interface Collector extends Child {
  /** Without a path, of its receiver. */
  readonly url: string
}

/** Builds and starts the OpenTelemetry Collector. Call only inside `describeWith('collector', …)`. */
export async function startCollector({ exportTo, exporter = [] }: CollectorOptions): Promise<Collector> {
  const folder = makeFolder('collector')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const command = join(folder, 'collector')
  await promisify(execFile)(peerOrThrow('collector').path, ['build', '-o', command, '.'], { cwd: SOURCE })
  const config = join(folder, 'config.yaml')
  writeFileSync(config, configOf(port, exportTo, exporter))
  const child = startChild({ name: 'collector', command, args: [`--config=file:${config}`], folder })
  const empty = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  }
  await child.until('takes metrics', async () => (await fetch(`${url}/v1/metrics`, empty)).ok)
  return {
    ...child,
    url,
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

function configOf(port: number, exportTo: string, exporter: readonly string[]): string {
  return `
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:${port}
exporters:
  otlp_http:
    endpoint: ${exportTo}
${exporter.map((line) => `    ${line}\n`).join('')}service:
  telemetry:
    metrics:
      level: none
  pipelines:
    metrics:
      receivers: [otlp]
      exporters: [otlp_http]
`
}
