import { askStream } from '../client/stream.ts'
import type { Target } from '../client/target.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { openGatewaySource } from './export-source.ts'
import { elementsOf } from './json-elements.ts'
import { type PageReading, PROTOBUF_PAGE, readDetails } from './pushgateway-details.ts'
import { readGroup } from './pushgateway-group.ts'
import { type GatewaySource, type LeftOut, pieceOf } from './source.ts'

export interface GatewaySourceOptions {
  readonly timeoutMs: number
  readonly leftOut: LeftOut
}

/** Of a group in the API. */
export const LONGEST_GROUP_BYTES = 256 * 1024 * 1024

/**
 * Everything a gateway holds: of pgr as it exports it, of Pushgateway from its API, completed from its page. Throws
 * PGR_PUSH_REFUSED when it is neither, else what `askStream` throws.
 */
export async function openSourceGateway(
  target: Target,
  options: GatewaySourceOptions,
): Promise<GatewaySource> {
  const { timeoutMs } = options
  const exported = await askStream(
    target,
    { path: '/api/v1/export' },
    { timeoutMs, accept: 'application/x-ndjson' },
  )
  if (exported !== undefined) return openGatewaySource(exported, target.base)
  return openPushgateway(target, options)
}

/** The API first tells how things stand; the page is read before it because it is not kept. */
async function openPushgateway(
  target: Target,
  { timeoutMs, leftOut }: GatewaySourceOptions,
): Promise<GatewaySource> {
  const name = target.base
  const { details, groups } = await readPage(target, timeoutMs, leftOut)
  const answer = await askPushgateway(target, timeoutMs)
  const elements = elementsOf(answer, name, LONGEST_GROUP_BYTES)
  return {
    name,
    identity: `gateway ${name}`,
    header: { exportedMs: Date.now(), from: 'pushgateway' },
    total: groups === 0 ? undefined : groups,
    async *pieces(done) {
      for await (const element of elements) yield pieceOf(readGroup(element, details, name), done)
    },
    close: async () => void (await elements.return(undefined)),
  }
}

/** The answer of `/api/v1/metrics`, which every Pushgateway has. */
export async function askPushgateway(target: Target, timeoutMs: number): Promise<AsyncIterable<Uint8Array>> {
  const answer = await askStream(
    target,
    { path: '/api/v1/metrics' },
    { timeoutMs, accept: 'application/json' },
  )
  if (answer === undefined)
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `there is neither pgr nor Pushgateway at ${target.base}: check the address`,
    )
  return answer
}

const DETAILS = 'native histograms, exemplars and start times'

/** A store that contradicts itself has no page, and can be moved all the same. */
async function readPage(target: Target, timeoutMs: number, leftOut: LeftOut): Promise<PageReading> {
  const nothing: PageReading = { details: new Map(), groups: 0 }
  try {
    const page = await askStream(target, { path: '/metrics' }, { timeoutMs, accept: PROTOBUF_PAGE })
    if (page !== undefined) return await readDetails(page, target.base)
    leftOut(DETAILS, `${target.base}/metrics is no page of it`)
    return nothing
  } catch (reason) {
    if (!(reason instanceof PgrError) || reason.code !== 'PGR_GATEWAY_BUSY') throw reason
    leftOut(DETAILS, reason.message)
    return nothing
  }
}
