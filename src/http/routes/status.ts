import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GatewayStatus } from '../../gateway/gateway.ts'
import { asApi, asFailure, sendFailure } from '../answer.ts'
import { isoTime } from '../iso-time.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import { page, type Route } from './route.ts'

/** Someone looks because something is wrong: there is an answer within this, whatever the store does. */
const STATUS_TIMEOUT_MS = 2000

/** What this process is, how it was started, and how the store is; as Pushgateway has it, and the store beside it. */
export function statusRoutes(options: HttpOptions, { gateway, tell }: HttpDeps): Route[] {
  const information = buildInformation(options.version)

  async function answerStatus(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const status = await gateway.status({ deadlineMs: performance.now() + STATUS_TIMEOUT_MS })
      const data = {
        build_information: information,
        flags: options.flags,
        start_time: options.startedAt.toISOString(),
        store: storeStatus(status),
      }
      return asApi(reply).send(JSON.stringify({ status: 'success', data }))
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'status', tell), 'api')
    }
  }

  return [page('/api/v1/status', answerStatus, 'api/v1/status')]
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
