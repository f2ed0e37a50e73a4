import { FAILURE } from './api-schemas.ts'
import type { Parameters } from './parameters.ts'
import type { FailureStyle, Operation, Route } from './routes/route.ts'

export interface DescribedApi {
  readonly version: string
  /** In front of every path, as readers see it; empty, or with a leading and without a trailing slash. */
  readonly externalPath: string
  /** Everything below is answered in the JSON envelope. */
  readonly apiPrefix: string
}

/** The description of the API in OpenAPI 3.1, from what the routes say of themselves. */
export function describeApi(
  routes: readonly Route[],
  { version, externalPath, apiPrefix }: DescribedApi,
): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'pgr',
      version,
      description:
        'A push gateway for Prometheus: takes metrics that are pushed and shows them to be scraped.',
    },
    servers: [{ url: externalPath || '/' }],
    // Whether any are needed is a matter of settings.
    security: [{}, { basic: [] }, { bearer: [] }],
    paths: Object.fromEntries(
      routes.flatMap((route) =>
        templatesOf(route).map((path) => [path, pathItem(route, path, apiPrefix)] as const),
      ),
    ),
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      responses: FAILURES,
    },
  }
}

const RETRY_AFTER = {
  'Retry-After': {
    description: 'Seconds after which the same request may succeed; only with 429 and 503.',
    schema: { type: 'integer', minimum: 1 },
  },
}
const FAILED = { description: 'Refused or not possible; the status says which.', headers: RETRY_AFTER }

const FAILURES = {
  text: { ...FAILED, content: { 'text/plain': { schema: { type: 'string' } } } },
  api: { ...FAILED, content: { 'application/json': { schema: FAILURE } } },
  otlp: {
    ...FAILED,
    description: 'Refused or not possible: a google.rpc.Status in the encoding of the request.',
    content: { 'application/json': {}, 'application/x-protobuf': {} },
  },
} satisfies Record<FailureStyle, object>

/** Paths as OpenAPI writes them, names in braces. */
function templatesOf({ path, shownAs }: Route): readonly string[] {
  return shownAs ?? [path.replace(/:(\w+)/g, '{$1}')]
}

function pathItem(route: Route, path: string, apiPrefix: string): object {
  const usual = path.startsWith(apiPrefix) ? 'api' : 'text'
  const operations = Object.entries(route.methods).map(([method, operation]) => [
    method.toLowerCase(),
    operationOf(operation, route.query, operation.failures ?? usual),
  ])
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: route.names?.[name] ?? '',
    schema: { type: 'string' },
  }))
  return { ...(names.length === 0 ? {} : { parameters: names }), ...Object.fromEntries(operations) }
}

function operationOf(operation: Operation, query: Parameters | undefined, failures: FailureStyle): object {
  const { summary, description, reads, headers = {}, body, answers } = operation
  const parameters = [
    ...Object.entries({ ...query, ...reads }).map(([name, { description: what, ...schema }]) => ({
      name,
      in: 'query',
      description: what,
      schema,
    })),
    ...Object.entries(headers).map(([name, what]) => ({
      name,
      in: 'header',
      description: what,
      schema: { type: 'string' },
    })),
  ]
  return {
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { description: body.description, content: contentOf(body.types) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description: what, types, schema }]) => [
          status,
          {
            description: what,
            ...(Number(status) >= 400
              ? { headers: RETRY_AFTER, content: FAILURES[failures].content }
              : types === undefined
                ? {}
                : { content: contentOf(types, schema) }),
          },
        ]),
      ),
      default: { $ref: `#/components/responses/${failures}` },
    },
  }
}

function contentOf(types: readonly string[], schema?: object): object {
  return Object.fromEntries(types.map((type) => [type, schema === undefined ? {} : { schema }]))
}
