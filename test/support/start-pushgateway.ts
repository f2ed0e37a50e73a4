import { type Child, startChild } from './child.ts'
import { freePort } from './free-port.ts'
import { peerOrThrow } from './peers.ts'

export interface Pushgateway extends Child {
  readonly port: number
  readonly url: string
}

/**
 * Starts Prometheus Pushgateway, in memory only unless told of a file: some distributions build it to share one between all its
 * runs.
 * Call only inside `describeWith('pushgateway', …)`.
 */
export async function startPushgateway({
  flags = [],
  routePrefix = '',
  ready = 200,
  port: given,
  file = '',
  waits = true,
}: {
  readonly flags?: readonly string[]
  readonly routePrefix?: string
  /** What its probe answers once it runs. */
  readonly ready?: number
  readonly port?: number
  /** Where it keeps what it is pushed. */
  readonly file?: string
  /** Until it runs. */
  readonly waits?: boolean
} = {}): Promise<Pushgateway> {
  const { path } = peerOrThrow('pushgateway')
  const port = given ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const child = startChild({
    name: 'pushgateway',
    command: path,
    args: [
      `--web.listen-address=127.0.0.1:${port}`,
      `--persistence.file=${file}`,
      '--log.level=error',
      ...flags,
    ],
  })
  if (waits)
    await child.until('is ready', async () => (await fetch(`${url}${routePrefix}/-/ready`)).status === ready)
  return { ...child, port, url }
}
