import { oneLine } from '../client/send.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { openGatewayApi } from './gateway-api.ts'
import type { GatewayFlags } from './gateway-flags.ts'
import { writeJson, writeLine } from './output.ts'

/**
 * Asks a probe of the gateway once. Prints what it answered when that is 200; throws PGR_CHECK_FAILED for every other
 * answer and PGR_GATEWAY_UNREACHABLE for none.
 */
export async function probe(
  what: 'ready' | 'healthy',
  flags: GatewayFlags & { readonly timeout: string; readonly json: boolean },
): Promise<void> {
  const api = openGatewayApi(flags)
  const { status, body } = await api.ask({ path: `/-/${what}` })
  if (status !== 200) {
    const said = oneLine(Buffer.from(body).toString().slice(0, 2000))
    throw new PgrError(
      'PGR_CHECK_FAILED',
      `the gateway at ${api.url} is not ${what} (${status})${said === '' ? '' : `: ${said}`}`,
    )
  }
  if (flags.json) writeJson({ [what]: true, url: api.url })
  else writeLine(process.stdout, `${api.url} is ${what}`)
}
