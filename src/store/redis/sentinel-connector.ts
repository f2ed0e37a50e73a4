import { type Redis, SentinelConnector } from 'ioredis'

/** How the client's own part that asks Sentinels opens connections to them; with `settings` to listen, without to ask. */
type Connect = (sentinel: { host: string; port: number }, settings?: object) => Redis

const FAILOVERS = '+switch-master'

/**
 * The client's way to a primary through Sentinels, with the three things it lacks: it would not say why a Sentinel cannot
 * be got at, and of one that it only listens to it would print that, unasked, again and again. `onTrouble` hears the
 * former. And when one that it listens to comes back but does not answer, nobody would handle that, which ends the process.
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
        const isListening = settings !== undefined
        const client = connect(sentinel, isListening ? { ...settings, autoResubscribe: false } : undefined)
        const at = `(the Sentinel at ${sentinel.host}:${sentinel.port})`
        client.on('error', ({ message }: Error) => {
          if (!isListening) onTrouble(`${message} ${at}`)
        })
        if (isListening) client.on('ready', () => client.subscribe(FAILOVERS).catch(() => undefined))
        return client
      }) as Connect
    }
  }
}
