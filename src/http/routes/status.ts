import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GatewayStatus } from '../../gateway/gateway.ts'
import type { Activity } from '../../telemetry/activity.ts'
import { asApi, asFailure, sendFailure } from '../answer.ts'
import { STATUS, success } from '../api-schemas.ts'
import { isoTime } from '../iso-time.ts'
import { labelsJson } from '../metric-json.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import { page, type Route } from './route.ts'

/** Someone looks because something is wrong: there is an answer within this, whatever the store does. */
const STATUS_TIMEOUT_MS = 2000

/** What this process is, how it was started, and how the store is; as Pushgateway has it, and the store beside it. */
export function statusRoutes(options: HttpOptions, { gateway, telemetry, tell }: HttpDeps): Route[] {
  const information = buildInformation(options.version)

  async function answerStatus(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const [status, activity] = await Promise.all([
        gateway.status({ deadlineMs: performance.now() + STATUS_TIMEOUT_MS }),
        within(telemetry.activity(), STATUS_TIMEOUT_MS),
      ])
      const data = {
        build_information: information,
        flags: options.flags,
        start_time: options.startedAt.toISOString(),
        replica: replicaStatus(status, options.startedAt),
        features: {
          admin_api: options.enableAdminApi,
          lifecycle: options.enableLifecycle,
          consistency_check: options.consistencyCheck,
        },
        settings: options.settings.map(({ origin, ...setting }) =>
          origin === '' ? setting : { ...setting, origin },
        ),
        page: pageStatus(status),
        ...(activity === undefined ? {} : activityStatus(activity)),
        store: storeStatus(status),
      }
      return asApi(reply).send(JSON.stringify({ status: 'success', data }))
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'status', tell), 'api')
    }
  }

  const about = {
    summary: 'Tell how this server and its store are',
    description: 'Answers within two seconds, also while the store is away.',
    answers: {
      200: { description: 'How they are.', types: ['application/json'], schema: success(STATUS) },
    },
  }
  return [page('/api/v1/status', answerStatus, about, 'api/v1/status')]
}

/** The names readers of Pushgateway's status know; empty where there is nothing to say. */
function buildInformation(version: string): Record<string, string> {
  return {
    branch: '',
    buildDate: '',
    buildUser: '',
    goVersion: '',
    nodeVersion: process.version,
    revision: '',
    version,
  }
}

/** Undefined when it fails or takes longer: other processes are asked, and everything else is to be told all the same. */
async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

function replicaStatus({ report }: GatewayStatus, startedAt: Date): object {
  return {
    ...(report?.self === undefined ? {} : { id: report.self }),
    uptime_seconds: Math.max(0, Date.now() - startedAt.getTime()) / 1000,
  }
}

function pageStatus({ holds: { series, groups, sets, expiringSoon } }: GatewayStatus): object {
  return { series, groups, sets, expiring_within_60s: expiringSoon }
}

function activityStatus({ counters, rejections }: Activity): object {
  return {
    counters,
    recent_rejections: rejections.map(({ atMs, protocol, code, reason, labels }) => ({
      at: isoTime(atMs),
      protocol,
      code,
      reason,
      labels: labels === undefined ? null : labelsJson(labels),
    })),
  }
}

function storeStatus({ store, ready, reason, report }: GatewayStatus): object {
  return {
    name: store,
    ready,
    ...(reason === undefined ? {} : { reason }),
    ...(report === undefined ? {} : reportStatus(report)),
  }
}

type Report = NonNullable<GatewayStatus['report']>

function reportStatus({ facts, findings, losses, primaries, replicas }: Report): object {
  const { history, lostWrites, resubmittedWrites, lastAtMs, cause } = losses
  return {
    facts: Object.fromEntries(facts),
    // The message is about what is wrong, which would be read as said.
    findings: findings.map(({ finding, ok, message, where }) => ({
      finding,
      ok,
      where,
      ...(ok ? {} : { message }),
    })),
    losses: {
      history,
      lost_writes: lostWrites,
      resubmitted_writes: resubmittedWrites,
      ...(lastAtMs === undefined ? {} : { last_at: isoTime(lastAtMs) }),
      ...(cause === undefined ? {} : { cause }),
    },
    primaries: primaries.map(({ endpoint, state, partitions, reason }) => ({
      endpoint,
      state,
      partitions,
      ...(reason === undefined ? {} : { reason }),
    })),
    // Other replicas wrote the instants, and an odd one must not hide the rest.
    replicas: replicas.map(({ id, version, address, lastSeenMs }) => ({
      id,
      version,
      address,
      last_seen: isoTime(lastSeenMs),
    })),
  }
}
