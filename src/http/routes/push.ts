import type { ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { readerFor } from '../../formats/index.ts'
import type { Family } from '../../model/family.ts'
import type { Protocol } from '../../telemetry/events.ts'
import { withBody } from '../body.ts'
import { rememberGroupPaths } from '../group-path.ts'
import type { Inflight } from '../inflight.ts'
import { readTtl, TTL_HEADER } from '../lifetime.ts'
import { type HttpDeps, type HttpOptions, sampleOptionsOf } from '../options.ts'
import type { Stalls } from '../stalls.ts'
import { TTL } from './push-parameters.ts'
import { type Handler, type Operation, type Route, splitUrl } from './route.ts'
import { type Progress, told } from './told.ts'

/** Push paths never move with the path of the scrape. */
const PUSH_PREFIX = '/metrics/'
const PUSH_PATHS = ['/metrics/job/*', '/metrics/job@base64/*']

const NAMES = {
  job: 'Not empty.',
  label:
    'Name of a further label; `@base64` behind it says that the value is base64. Pairs of label and value may follow.',
  value: 'Value of the label, percent-encoded or base64.',
}

/** What pushes have in common. */
const PUSH: Omit<Operation, 'handler' | 'summary'> = {
  reads: { ttl: TTL },
  headers: {
    'X-Pgr-TTL': 'The same as `ttl`.',
    'Content-Encoding': '`gzip`, or `snappy` in its framed format.',
  },
  body: {
    types: [
      'text/plain',
      'application/openmetrics-text',
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    ],
    description: 'Metrics in the format that the type names; text 0.0.4 without one.',
  },
  answers: {
    200: { description: 'Stored.' },
    202: { description: 'Stored; the consistency check is switched off.' },
    400: { description: 'The body, the path or the lifetime is at fault; nothing is stored.' },
    413: { description: 'The body is too large.' },
    415: { description: 'The encoding or type is not read here.' },
    429: { description: 'There is no room, or there are too many requests.' },
    503: { description: 'The store is away; send it again.' },
  },
}

/** The ways in that read text: `PUT`, `POST` and `DELETE` of a group, and `POST` of the ingest path. */
export function pushRoutes(
  options: HttpOptions,
  { gateway, tell }: HttpDeps,
  inflight: Inflight,
  stalls: Stalls,
): Route[] {
  const sampleOptions = sampleOptionsOf(options)
  const bodyOptions = {
    get limitBytes() {
      return options.limits.bodyBytes
    },
    inflight,
  }
  const readGroup = rememberGroupPaths(sampleOptions)
  const groupStart = options.routePrefix.length + PUSH_PREFIX.length

  function deadline(): number {
    return performance.now() + options.requestTimeoutMs
  }

  /** Reads the body with the format its type names, and has it stored. */
  function store(
    { raw, headers }: FastifyRequest,
    response: ServerResponse,
    progress: Progress,
    write: (families: Family[], bytes: number) => Promise<{ series: number }>,
  ): Promise<void> {
    const reader = readerFor(headers['content-type'])
    progress.protocol = reader.name as Protocol
    return withBody(raw, response, bodyOptions, async ({ bytes, sentBytes }) => {
      progress.sentBytes = sentBytes
      const families = reader.read(bytes, sampleOptions)
      const waiting = stalls.assertWaiting(raw)
      if (waiting !== undefined) await waiting
      const { series } = await write(families, bytes.byteLength)
      progress.series = series
    })
  }

  function pushing(mode: 'put' | 'post'): Handler {
    return told(tell, 'push', async (request, { raw }, progress) => {
      const { path, query } = splitUrl(request.raw.url ?? '')
      const group = readGroup(path.slice(groupStart))
      progress.labels = group
      const ttlMs = readTtl(request.headers[TTL_HEADER], query, options.ttl.maxMs)
      await store(request, raw, progress, (families, bytes) =>
        gateway.push({
          mode,
          group,
          families,
          ...(ttlMs === undefined ? {} : { ttlMs }),
          protocol: progress.protocol,
          deadlineMs: deadline(),
          bytes,
        }),
      )
      return options.consistencyCheck ? 200 : 202
    })
  }

  const ingesting = told(tell, 'ingest', async (request, { raw }, progress) => {
    const { query } = splitUrl(request.raw.url ?? '')
    const ttlMs = readTtl(request.headers[TTL_HEADER], query, options.ttl.maxMs)
    await store(request, raw, progress, (families, bytes) =>
      gateway.ingest({
        families,
        ...(ttlMs === undefined ? {} : { ttlMs }),
        protocol: progress.protocol,
        deadlineMs: deadline(),
        bytes,
      }),
    )
    return 200
  })

  /** A body, its type and a lifetime mean nothing here and are not looked at: clients send them. */
  const deleting = told(tell, 'delete', async (request, _reply, progress) => {
    const { path } = splitUrl(request.raw.url ?? '')
    const group = readGroup(path.slice(groupStart))
    progress.labels = group
    await stalls.assertWaiting(request.raw)
    await gateway.removeGroup({ group, deadlineMs: deadline() })
    return 202
  })

  return [
    ...PUSH_PATHS.map((path) => ({
      path,
      shownAs: [path.replace('*', '{job}'), path.replace('*', '{job}/{label}/{value}')],
      names: NAMES,
      methods: {
        PUT: {
          handler: pushing('put'),
          summary: 'Replace a group',
          description: 'The group holds then what the body holds.',
          ...PUSH,
        },
        POST: {
          handler: pushing('post'),
          summary: 'Replace metrics of a group',
          description:
            'The metrics whose names are in the body are replaced with all their series, the others stay.',
          ...PUSH,
        },
        DELETE: {
          handler: deleting,
          summary: 'Remove a group',
          answers: { 202: { description: 'It is not there, or not any more.' } },
        },
      },
    })),
    {
      path: options.paths.ingest,
      methods: {
        POST: {
          handler: ingesting,
          summary: 'Merge series',
          description:
            'Series of any jobs and instances, each of which replaces its own earlier value and nothing else. Timestamps may be given, and the newest wins.',
          ...PUSH,
        },
      },
    },
  ]
}
