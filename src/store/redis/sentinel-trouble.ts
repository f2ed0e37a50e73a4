import { addressKey, connectScout, endpointsOf, hangUp, makeScout } from './connect.ts'
import type { RedisStoreOptions } from './options.ts'

/** Asks every Sentinel for the primary; says what one of those answered that could not tell, undefined when one could. */
export async function whyNoSentinel(options: RedisStoreOptions): Promise<string | undefined> {
  const answers = await Promise.all(
    endpointsOf(options).map(async (address) => {
      const scout = makeScout(options, address, 'sentinel')
      const at = `(the Sentinel at ${addressKey(address)})`
      try {
        await connectScout(scout)
        const told = await scout.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', options.masterName ?? '')
        return Array.isArray(told) ? undefined : `ERR No such master with that name ${at}`
      } catch (reason) {
        const message = reason instanceof Error ? reason.message : String(reason)
        return `${message} ${at}`
      } finally {
        hangUp(scout)
      }
    }),
  )
  return answers.includes(undefined) ? undefined : answers[0]
}
