import { type Child, startChild } from './child.ts'
import { freePort } from './free-port.ts'
import { peerOrThrow } from './peers.ts'

export interface Pushgateway extends Child {
  readonly port: number
  readonly url: string
}

/**
 * Starts Prometheus Pushgateway, in memory only: some distributions build it to share one file between all its runs.
 * Call only inside `describeWith('pushgateway', …)`.
 */
export async function startPushgateway({
  flags = [],
  routePrefix = '',
}: {
  readonly flags?: readonly string[]
  readonly routePrefix?: string
} = {}): Promise<Pushgateway> {
  const { path } = peerOrThrow('pushgateway')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = startChild({
    name: 'pushgateway',
    command: path,
    args: [`--web.listen-address=127.0.0.1:${port}`, '--persistence.file=', '--log.level=error', ...flags],
  })
  await child.until('is ready', async () => (await fetch(`${url}${routePrefix}/-/ready`)).status === 200)
  return { ...child, port, url }
}
