import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { PgrError } from '../errors/pgr-error.ts'
import type { OtherHandler, Tell } from '../telemetry/events.ts'
import { asApi, asFailure, type ErrorStyle, sendFailure } from './answer.ts'
import { type Access, makeGate } from './gate/gate.ts'
import { makeInflight } from './inflight.ts'
import { type BoundAddress, makeListeners } from './listeners.ts'
import { describeApi } from './openapi.ts'
import type { AdjustableHttp, HttpDeps, HttpOptions, TlsMaterial } from './options.ts'
import { type Parameters, querySchema, type RawQuery, readQuery } from './parameters.ts'
import { adminRoutes } from './routes/admin.ts'
import { cardinalityRoutes } from './routes/cardinality.ts'
import { exportRoutes } from './routes/export.ts'
import { groupRoutes } from './routes/groups.ts'
import { indexRoutes } from './routes/index-page.ts'
import { managementRoutes, PROBES } from './routes/management.ts'
import { metricsApiRoutes } from './routes/metrics-api.ts'
import { openApiRoutes } from './routes/openapi.ts'
import { otlpRoutes } from './routes/otlp.ts'
import { pushRoutes } from './routes/push.ts'
import { remoteWriteRoutes } from './routes/remote-write.ts'
import { type Route, splitUrl } from './routes/route.ts'
import { scrapeRoutes } from './routes/scrape.ts'
import { statusRoutes } from './routes/status.ts'
import { watchStalls } from './stalls.ts'

/**
 * http: paths, headers and statuses around the use-cases. Routes translate and do nothing else.
 */
export interface HttpServer {
  /** Listens on all addresses or on none. Throws PGR_START_FAILED or PGR_SETTING_INVALID. */
  listen(): Promise<readonly BoundAddress[]>
  /** Bytes of bodies being worked on. */
  readonly inflightBytes: number
  /** New connections get the new certificate. Throws PGR_SETTING_INVALID, and the old one stays, when it is none. */
  setTls(tls: TlsMaterial): void
  /** Requests that come from now on are judged by this. */
  setAccess(access: Access): void
  adjust(options: AdjustableHttp): void
  /** Readiness fails from now on, everything else is served as before: balancers look away. */
  beginDrain(): void
  /**
   * Takes no new connections and resolves when the requests under way are answered, each with `Connection: close`, at
   * the latest after `drainMs`.
   */
  close(): Promise<void>
  /** A request without a socket, for tests. */
  readonly inject: FastifyInstance['inject']
}

/** Methods whose body a handler reads itself, within its limits. */
const WITH_BODY = ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']

/** Everything below is answered in the JSON envelope of Prometheus' API. */
const API_PREFIX = '/api/v1/'

/** Builds the server. Nothing listens until `listen`. */
export function openHttp(given: HttpOptions, deps: HttpDeps): HttpServer {
  const options = { ...given }
  const { routePrefix, drainMs } = options
  const inflight = makeInflight({
    get inflightBytes() {
      return options.limits.inflightBytes
    },
  })
  const stalls = watchStalls()
  let isStopping = false

  const app = makeApp((reason, request, reply) => {
    sendFailure(reply, asFailure(reason, 'http', deps.tell), styleOf(request.raw.url ?? ''))
  })
  const { version, externalPath } = options
  const routes: readonly Route[] = withoutDoubles([
    ...pushRoutes(options, deps, inflight, stalls),
    ...remoteWriteRoutes(options, deps, inflight, stalls),
    ...otlpRoutes(options, deps, inflight, stalls),
    ...scrapeRoutes(options, deps),
    ...statusRoutes(options, deps),
    ...metricsApiRoutes(options, deps),
    ...exportRoutes(options, deps),
    ...groupRoutes(options, deps),
    ...cardinalityRoutes(deps),
    ...adminRoutes(options, deps),
    ...managementRoutes(options, deps, () => isStopping),
    ...openApiRoutes(() => describeApi(routes, { version, externalPath, apiPrefix: API_PREFIX })),
    ...indexRoutes(options),
  ])
  const allowed = new Map<string, string>()
  for (const { path, methods, toldAs, query } of routes) {
    const url = routePrefix + path
    allowed.set(url, ['OPTIONS', ...Object.keys(methods)].sort().join(', '))
    const hooks = toldAs === undefined ? {} : { onResponse: tellAs(toldAs, deps.tell) }
    for (const [method, { handler }] of Object.entries(methods))
      app.route({ method, url, handler, ...hooks, ...checking(query) })
  }

  const patterns = [...allowed.keys()]
    .filter((url) => /[:*]/.test(url))
    .map((url) => [url, startOf(url)] as const)

  function allowedAt(url: string): string | undefined {
    const { path } = splitUrl(url)
    const known = allowed.get(path)
    if (known !== undefined) return known
    const found = patterns.find(([, start]) => start.test(path))
    return found && allowed.get(found[0])
  }

  function styleOf(url: string): ErrorStyle {
    return url.startsWith(routePrefix + API_PREFIX) ? 'api' : 'text'
  }

  app.setNotFoundHandler((request, reply) => {
    const url = request.raw.url ?? ''
    const allow = allowedAt(url)
    if (allow === undefined) {
      return sendFailure(reply, new PgrError('PGR_NOT_FOUND', '404 page not found'), styleOf(url))
    }
    reply.header('allow', allow)
    if (request.raw.method === 'OPTIONS') {
      if (styleOf(url) === 'api') asApi(reply)
      return reply.code(200).send()
    }
    return sendFailure(reply, new PgrError('PGR_METHOD_NOT_ALLOWED', 'Method Not Allowed'), styleOf(url))
  })

  const gate = makeGate(
    {
      access: options.access,
      publicPaths: options.publicHealth ? PROBES.map((path) => routePrefix + path) : [],
    },
    deps.tell,
  )
  const listeners = makeListeners(options, {
    route: (request, response) => gate.pass(request, response, () => app.routing(request, response)),
    allowedAt,
    turnedAway: (detail) => deps.tell({ kind: 'turned-away', reason: 'certificate', detail }),
  })

  return {
    async listen() {
      await app.ready()
      return listeners.open(options.listen)
    },
    get inflightBytes() {
      return inflight.bytes
    },
    setTls: listeners.setTls,
    setAccess: gate.setAccess,
    adjust(changed) {
      Object.assign(options, changed)
    },
    beginDrain() {
      isStopping = true
    },
    async close() {
      isStopping = true
      await listeners.close(drainMs)
      await app.close()
      await gate.close()
      stalls.stop()
    },
    inject: app.inject.bind(app),
  }
}

function tellAs(handler: OtherHandler, tell: Tell) {
  return async ({ method }: FastifyRequest, { statusCode: status }: FastifyReply): Promise<void> =>
    tell({ kind: 'request', handler, method, status })
}

/** Read by our own few lines: what is not told to be checked costs nothing, and nothing is compiled at the start. */
function checking(parameters: Parameters | undefined): object {
  if (parameters === undefined) return {}
  const read = (query: unknown) => {
    try {
      return { value: readQuery(parameters, query as RawQuery) }
    } catch (reason) {
      return { error: reason }
    }
  }
  return { schema: { querystring: querySchema(parameters) }, validatorCompiler: () => read }
}

/** Matches what a path with a wildcard or a name in place of its last part stands for. */
function startOf(pattern: string): RegExp {
  const [, start = '', kind] = /^(.*?)([:*])/.exec(pattern) ?? []
  const literal = start.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return new RegExp(`^${literal}${kind === '*' ? '' : '[^/]+$'}`)
}

type OnFailure = (reason: unknown, request: FastifyRequest, reply: FastifyReply) => void

function makeApp(onFailure: OnFailure): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    schemaController: { compilersFactory: { buildValidator: notNeeded, buildSerializer: notNeeded } },
    // A path that is not percent-encoded UTF-8: nothing was routed yet.
    frameworkErrors: (error, request, reply) => {
      const url = request.raw.url ?? ''
      const failure = error.code === 'FST_ERR_BAD_URL' ? badPath(url) : error
      onFailure(failure, request, reply)
    },
  })
  for (const method of WITH_BODY) app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  app.removeAllContentTypeParsers()
  app.setErrorHandler(onFailure)
  return app
}

/** Parameters are read by `checking` and answers are text already. What would compile schemas is a tenth of what a start loads. */
function notNeeded(): never {
  throw new Error('no route has a schema to compile')
}

function badPath(url: string): PgrError {
  return new PgrError(
    'PGR_PATH_INVALID',
    `the path ${JSON.stringify(splitUrl(url).path)} is not percent-encoded UTF-8`,
  )
}

/** The index page gives way to a path that was set to `/`. */
function withoutDoubles(routes: readonly Route[]): readonly Route[] {
  const paths = new Set<string>()
  return routes.filter(({ path }) => !paths.has(path) && paths.add(path))
}
