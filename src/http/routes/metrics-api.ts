import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GroupListing } from '../../gateway/gateway.ts'
import type { Family, FamilyType, Metric } from '../../model/family.ts'
import { type Labels, mergeLabels, withInstance } from '../../model/labels.ts'
import { formatGo } from '../../model/number.ts'
import { asApi, asFailure, sendFailure } from '../answer.ts'
import { labelsJson } from '../metric-json.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import { inTurns } from '../turns.ts'
import type { Route } from './route.ts'

/**
 * Everything stored as JSON, as Pushgateway has it: a list of groups, each with its labels, whether the last push was taken,
 * and its families by name. All numbers are text, because JSON has neither NaN nor infinity.
 */
export function metricsApiRoutes({ requestTimeoutMs }: HttpOptions, { gateway, tell }: HttpDeps): Route[] {
  async function answer(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const groups = await gateway.groups({ deadlineMs: performance.now() + requestTimeoutMs })
      asApi(reply)
      return reply.send(Readable.from(inTurns(piecesOf(groups)), { objectMode: false }))
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'metrics', tell), 'api')
    }
  }
  return [
    {
      path: '/api/v1/metrics',
      methods: {
        GET: {
          handler: answer,
          summary: 'Show everything stored as JSON',
          description:
            'As Pushgateway has it: a list of groups, each with its labels and its families by name.',
          answers: {
            200: { description: 'All of it.', types: ['application/json'], schema: { type: 'object' } },
            503: { description: 'The store is away.' },
          },
        },
      },
    },
  ]
}

function* piecesOf(groups: readonly GroupListing[]): Generator<string> {
  yield '{"status":"success","data":['
  for (const [i, group] of groups.entries()) yield `${i === 0 ? '' : ','}${groupJson(group)}`
  yield ']}'
}

function groupJson({ labels, pushedMs, failedMs, families }: GroupListing): string {
  // A family may be called as one of ours: it wins, as in Pushgateway.
  const parts = new Map<string, string>([
    ['labels', JSON.stringify(labelsJson(labels))],
    ['last_push_successful', String(pushedMs > failedMs)],
  ])
  for (const { name, pushedMs: familyPushedMs, read } of families) {
    const timeMs = familyPushedMs || failedMs
    parts.set(name, familyJson(read(), labels, timeMs))
  }
  const members = [...parts].sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
}

/** What the format has for each type of the model. */
const TYPES: Record<FamilyType, string> = {
  counter: 'COUNTER',
  gauge: 'GAUGE',
  unknown: 'UNTYPED',
  summary: 'SUMMARY',
  histogram: 'HISTOGRAM',
  gaugehistogram: 'GAUGE_HISTOGRAM',
  info: 'GAUGE',
  stateset: 'GAUGE',
}

function familyJson(family: Family, group: Labels, timeMs: number): string {
  return JSON.stringify({
    time_stamp: new Date(timeMs).toISOString(),
    type: TYPES[family.type],
    ...(family.help === '' ? {} : { help: family.help }),
    metrics: (family.metrics as readonly Metric[]).flatMap((metric) => metricJson(family, metric, group)),
  })
}

function metricJson({ name }: Family, metric: Metric, group: Labels): object[] {
  const shown = withInstance(mergeLabels(metric.labels, group))
  const labels = labelsJson(shown)
  if ('value' in metric) return [{ labels, value: formatGo(metric.value) }]
  if ('states' in metric)
    return metric.states.map((state) => ({
      labels: labelsJson(mergeLabels(shown, [{ name, value: state.name }])),
      value: state.enabled ? '1' : '0',
    }))
  const totals = { count: formatGo(metric.count ?? 0), sum: formatGo(metric.sum ?? 0) }
  if ('quantiles' in metric) {
    const quantiles = metric.quantiles.map(({ quantile, value }) => [formatGo(quantile), formatGo(value)])
    return [{ labels, quantiles: Object.fromEntries(quantiles), ...totals }]
  }
  const buckets = metric.buckets.map(({ upperBound, cumulativeCount }) => [
    formatGo(upperBound),
    formatGo(cumulativeCount),
  ])
  return [{ labels, buckets: Object.fromEntries(buckets), ...totals }]
}
