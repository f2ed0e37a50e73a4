import { type Redis, SentinelConnector } from 'ioredis'

/** How the client's own part that asks Sentinels opens connections to them; with `settings` to listen, without to ask. */
type Connect = (sentinel: { host: string; port: number }, settings?: object) => Redis

/**
 * The client's way to a primary through Sentinels, with the two things it lacks: it would not say why a Sentinel cannot
 * be got at, and of one that it only listens to it would print that, unasked, again and again. `onTrouble` hears the
 * former.
 */
export function sentinelConnector(
  onTrouble: (message: string) => void,
): new (
  options: unknown,
) => SentinelConnector {
  return class extends SentinelConnector {
    constructor(options: unknown) {
      super(options as ConstructorParameters<typeof SentinelConnector>[0])
      const connect: Connect = this['connectToSentinel'].bind(this)
      this['connectToSentinel'] = ((sentinel, settings) => {
        const client = connect(sentinel, settings)
        const at = `(the Sentinel at ${sentinel.host}:${sentinel.port})`
        client.on('error', ({ message }: Error) => {
          if (settings === undefined) onTrouble(`${message} ${at}`)
        })
        return client
      }) as Connect
    }
  }
}
