import { options } from './config/options.ts'
import type { Origins, Settings } from './config/rules.ts'
import { showSettings } from './config/show.ts'
import type { Event, Tell } from './telemetry/events.ts'

export const DRAINING: Event = {
  kind: 'notice',
  level: 'info',
  message: 'stopping: not ready any more, still serving',
}
export const STOPPED: Event = { kind: 'notice', level: 'info', message: 'stopped' }

/** Says at the start what is not the default and where to push and scrape; `url` is the first of those bound. */
export function announce(settings: Settings, tell: Tell, url = '', origins?: Origins): void {
  if (origins !== undefined) {
    const given = showSettings(settings, origins).filter(({ from }) => from !== 'default')
    const facts = Object.fromEntries(given.map(({ flag, value }) => [flag, value]))
    if (given.length > 0)
      tell({ kind: 'notice', level: 'info', message: 'settings that are not the default', facts })
  }
  if (settings.store === 'embedded')
    tell({ kind: 'notice', level: 'warn', message: embeddedMessage(settings) })
  const { metricsPath, webRoutePrefix } = settings
  const base = `${reachable(url)}${webRoutePrefix}`
  tell({
    kind: 'listening',
    url: reachable(url),
    pushUrl: `${base}/metrics/job/<job>`,
    scrapeUrl: `${base}${metricsPath}`,
    store: settings.store,
  })
}

function embeddedMessage({ persistenceFile, persistenceInterval }: Settings): string {
  if (persistenceFile === '')
    return 'the store is embedded: pushed metrics live in this process alone and go with it; give --redis.endpoint to share them between replicas and keep them over a restart, or --persistence.file for the latter alone'
  const interval = options.persistenceInterval.kind.show(persistenceInterval)
  return `the store is embedded: pushed metrics live in this process alone, and a crash loses those of up to the last ${interval}; give --redis.endpoint to share them between replicas`
}

/** A URL to try at a terminal: an address that stands for all of them is reached as this machine. */
function reachable(url: string): string {
  return url.replace(/^(https?:\/\/)(?:\[::\]|0\.0\.0\.0):/, '$1localhost:')
}
