import type { Event } from './events.ts'
import type { LogLevel, LogLine } from './log.ts'

/** The log line of an event: exactly one, on the level of `levelOf`. */
export function lineOf(event: Event): Omit<LogLine, 'level'> {
  switch (event.kind) {
    case 'push':
      return {
        message: PUSH_MESSAGES[event.handler][event.code === undefined ? 0 : 1],
        facts: pushFacts(event),
      }
    case 'request': {
      const { handler, method, status } = event
      return { message: 'answered a request', facts: { handler, method, status } }
    }
    case 'scrape': {
      const { format, status, bytes, series, seconds, code, stale } = event
      const message = code === undefined ? 'answered a scrape' : 'failed a scrape'
      return { message, facts: { format, status, bytes, series, seconds, code, stale } }
    }
    case 'web.reread':
      return event.ok
        ? { message: 'took over what changed in the web configuration', facts: {} }
        : {
            message: 'the web configuration cannot be used, what was read before stays in effect',
            facts: { reason: event.reason },
          }
    case 'store.reread':
      return event.ok
        ? { message: 'took over other certificates for connections to the store', facts: {} }
        : {
            message:
              'certificates for connections to the store cannot be used, those that were read before stay in effect',
            facts: { reason: event.reason },
          }
    case 'turned-away':
      return { message: 'turned a client away', facts: { reason: event.reason, detail: event.detail } }
    case 'store.call': {
      const { operation, seconds, code } = event
      return { message: 'called the store', facts: { operation, seconds, code } }
    }
    case 'store.duplicate':
      return { message: 'the store had applied a write before', facts: {} }
    case 'store.lost':
      return { message: 'lost the store', facts: { store: event.store, reason: event.reason } }
    case 'store.back':
      return {
        message: 'the store is back',
        facts: { store: event.store, down_seconds: event.downSeconds },
      }
    case 'store.finding':
      return {
        message: event.message,
        facts: { finding: event.finding, ok: event.ok },
      }
    case 'store.snapshot': {
      const { ok, bytes, seconds } = event
      return {
        message: ok ? 'wrote a snapshot of the store' : 'failed to write a snapshot of the store',
        facts: { bytes, seconds },
      }
    }
    case 'store.history': {
      const { cause, endpoint, partitions } = event
      return {
        message: 'lost history: the store no longer has writes that it acknowledged',
        facts: { cause, endpoint, partitions },
      }
    }
    case 'store.mend': {
      const { endpoint, checked, missing, resubmitted, lost, owed, reason, seconds } = event
      return {
        message: mendMessage(event),
        facts: { endpoint, checked, missing, resubmitted, lost, owed, reason, seconds },
      }
    }
    case 'store.forgotten':
      return {
        message:
          'forgets acknowledged writes early, which could not be sent again if the store lost them; raise `--redis.resubmit-max-bytes` or shorten `--redis.resubmit-window`',
        facts: { writes: event.total },
      }
    case 'store.topology':
      return { message: event.message, facts: {} }
    case 'view.poll':
      return {
        message: 'caught up with the store',
        facts: { units: event.units, seconds: event.seconds },
      }
    case 'view.reset':
      return {
        message: 'read a partition anew, its history was lost or does not fit',
        facts: { partition: event.partition, reason: event.reason },
      }
    case 'view.expired':
      return {
        message: 'hid series whose time was over',
        facts: { protocol: event.protocol, series: event.series },
      }
    case 'view.quarantine':
      return {
        message:
          event.reason === 'unreadable'
            ? 'left series out of the page, what is stored of them is damaged or of a newer version; push them anew'
            : 'left series out of the page, they clash with others',
        facts: { family: event.family, reason: event.reason, series: event.series },
      }
    case 'otlp.contested':
      return {
        message:
          'two processes write one series in turns, and its value jumps; tell them apart, by service.instance.id for example',
        facts: { family: event.family, series: event.series },
      }
    case 'reload': {
      const { changed, waiting, reason } = event
      if (reason !== undefined)
        return { message: 'failed to reload, the settings stay as they were', facts: { reason } }
      return {
        message: waiting.length === 0 ? 'reloaded' : 'reloaded, some of what changed waits for a restart',
        facts: { changed: listed(changed), waiting: listed(waiting) },
      }
    }
    case 'worker.started': {
      const { worker, pid, seconds } = event
      return { message: 'started a worker', facts: { number: worker, pid, seconds } }
    }
    case 'worker.ended': {
      const { worker, pid, reason, seconds, pauseSeconds } = event
      return {
        message: 'lost a worker, another takes its place',
        facts: { number: worker, pid, reason, seconds, pause_seconds: pauseSeconds },
      }
    }
    case 'listening':
      return {
        message: 'listening',
        facts: { url: event.url, push_url: event.pushUrl, scrape_url: event.scrapeUrl, store: event.store },
      }
    case 'notice':
      return { message: event.message, facts: event.facts ?? {} }
    case 'defect':
      return { message: 'met a defect in pgr', facts: defectFacts(event.where, event.error) }
  }
}

/** How much an event matters; apart from the line, which is costlier to make. */
export function levelOf(event: Event): LogLevel {
  switch (event.kind) {
    case 'push':
    case 'request':
    case 'scrape':
    case 'store.call':
    case 'store.duplicate':
    case 'store.snapshot':
    case 'view.poll':
    case 'turned-away':
    case 'view.expired':
      return 'debug'
    case 'otlp.contested':
      return event.isTold ? 'debug' : 'warn'
    case 'store.lost':
    case 'store.back':
    case 'store.topology':
    case 'listening':
    case 'worker.started':
      return 'info'
    case 'store.mend':
      if (event.lost > 0 || event.reason !== undefined) return 'warn'
      return event.missing > 0 ? 'info' : 'debug'
    case 'worker.ended':
    case 'store.history':
    case 'store.forgotten':
    case 'view.reset':
    case 'view.quarantine':
      return 'warn'
    case 'store.finding':
    case 'web.reread':
    case 'store.reread':
      return event.ok ? 'info' : 'warn'
    case 'reload':
      if (event.reason !== undefined) return 'error'
      return event.waiting.length > 0 ? 'warn' : 'info'
    case 'notice':
      return event.level
    case 'defect':
      return 'error'
  }
}

const PUSH_MESSAGES = {
  push: ['accepted a push', 'refused a push'],
  ingest: ['accepted an ingest', 'refused an ingest'],
  otlp: ['accepted an export', 'refused an export'],
  'remote-write': ['accepted a remote write', 'refused a remote write'],
  delete: ['accepted a deletion', 'refused a deletion'],
} as const

function pushFacts(event: Event & { kind: 'push' }): Record<string, unknown> {
  const { method, status, protocol, bytes, series, seconds, code, reason, group } = event
  return { method, status, protocol, bytes, series, seconds, code, reason, group }
}

function mendMessage({ missing, lost, reason }: Event & { kind: 'store.mend' }): string {
  if (lost > 0) return 'found acknowledged writes that the store lost for good'
  if (reason !== undefined) return 'cannot send acknowledged writes again yet that the store may have lost'
  return missing > 0
    ? 'sent acknowledged writes again that the store had lost'
    : 'found every acknowledged write of late in the store'
}

function listed(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : names.join(',')
}

function defectFacts(where: string, error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { where, error: String(error) }
  return { where, error: error.message, stack: error.stack }
}
