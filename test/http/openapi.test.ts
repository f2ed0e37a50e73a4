import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { embeddedStore, openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { OPTIONS, openTestServer, type TestServer, type Turned } from './open-test-server.ts'

interface Described {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  readonly summary: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly description: string
    readonly schema: Readonly<Record<string, unknown>>
  }[]
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>
  >
}

const EVERYTHING = { options: { enableAdminApi: true, enableLifecycle: true } }

async function describedBy(server: TestServer): Promise<Described> {
  const { statusCode, headers, body } = await server.inject({ method: 'GET', url: '/api/v1/openapi.json' })
  expect([statusCode, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8'])
  return JSON.parse(body)
}
const described = (turned: Turned = EVERYTHING) => describedBy(openTestServer(turned))

function operationsOf({ paths }: Described): [string, string, Operation][] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== 'parameters')
      .map(([method, operation]) => [path, method, operation] as [string, string, Operation]),
  )
}

/** What OpenAPI 3.1 (sections 4.8.1 to 4.8.27) asks of a document, as far as there is any of it in this one. */
const DOCUMENT = {
  type: 'object',
  required: ['openapi', 'info', 'paths'],
  properties: {
    openapi: { pattern: '^3\\.1\\.\\d+$' },
    info: {
      type: 'object',
      required: ['title', 'version'],
      properties: {
        title: { type: 'string', minLength: 1 },
        version: { type: 'string', minLength: 1 },
        description: { type: 'string' },
      },
      additionalProperties: false,
    },
    servers: {
      type: 'array',
      minItems: 1,
      items: { required: ['url'], properties: { url: { type: 'string' } } },
    },
    security: {
      type: 'array',
      items: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
    },
    paths: {
      type: 'object',
      propertyNames: { pattern: '^/[^?#*:]*$' },
      additionalProperties: {
        type: 'object',
        minProperties: 1,
        propertyNames: { enum: ['parameters', 'get', 'head', 'put', 'post', 'delete'] },
        properties: { parameters: { $ref: '#/$defs/parameters' } },
        patternProperties: { '^(get|head|put|post|delete)$': { $ref: '#/$defs/operation' } },
      },
    },
    components: {
      type: 'object',
      properties: {
        responses: { type: 'object', additionalProperties: { $ref: '#/$defs/response' } },
        securitySchemes: {
          type: 'object',
          additionalProperties: { required: ['type', 'scheme'], properties: { type: { const: 'http' } } },
        },
      },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
  $defs: {
    parameters: { type: 'array', minItems: 1, items: { $ref: '#/$defs/parameter' } },
    parameter: {
      type: 'object',
      required: ['name', 'in', 'description', 'schema'],
      properties: {
        name: { type: 'string', minLength: 1 },
        in: { enum: ['path', 'query', 'header'] },
        description: { type: 'string', minLength: 1 },
        required: { type: 'boolean' },
        schema: { type: 'object' },
      },
      if: { properties: { in: { const: 'path' } } },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
      then: { required: ['required'], properties: { required: { const: true } } },
      additionalProperties: false,
    },
    content: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: '^[\\w.+-]+/[\\w.+-]+(; ?[\\w-]+=[\\w.-]+)*$' },
      additionalProperties: {
        type: 'object',
        properties: { schema: { type: 'object' } },
        additionalProperties: false,
      },
    },
    response: {
      type: 'object',
      oneOf: [
        { required: ['$ref'], maxProperties: 1 },
        {
          required: ['description'],
          properties: {
            description: { type: 'string', minLength: 1 },
            headers: { type: 'object' },
            content: { $ref: '#/$defs/content' },
          },
          additionalProperties: false,
        },
      ],
    },
    operation: {
      type: 'object',
      required: ['summary', 'responses'],
      properties: {
        summary: { type: 'string', pattern: '^[A-Z].{5,70}[^.]$' },
        description: { type: 'string', pattern: '\\.$' },
        parameters: { $ref: '#/$defs/parameters' },
        requestBody: {
          type: 'object',
          required: ['description', 'content'],
          properties: { description: { type: 'string', minLength: 1 }, content: { $ref: '#/$defs/content' } },
          additionalProperties: false,
        },
        responses: {
          type: 'object',
          required: ['default'],
          propertyNames: { pattern: '^([2-5]\\d\\d|default)$' },
          additionalProperties: { $ref: '#/$defs/response' },
        },
      },
      additionalProperties: false,
    },
  },
}

describe('the description of the API', () => {
  it('is a document of OpenAPI 3.1', async () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true })
    ajv.validate(DOCUMENT, await described())
    expect(ajv.errors).toBeNull()
  })

  it('refers to nothing that it does not have', async () => {
    const text = JSON.stringify(await described())
    const { components } = JSON.parse(text)
    const named = [...text.matchAll(/"\$ref":"#\/components\/responses\/(\w+)"/g)].map(([, name]) => name)
    expect(new Set(named)).toEqual(new Set(Object.keys(components.responses)))
    expect(text.match(/"\$ref":/g)).toHaveLength(named.length)
  })

  it('has every route, and every route that it has is served', async () => {
    const server = openTestServer(EVERYTHING)
    const operations = operationsOf(await describedBy(server))
    expect(operations.map(([path, method]) => `${method} ${path}`)).toMatchInlineSnapshot(`
      [
        "put /metrics/job/{job}",
        "post /metrics/job/{job}",
        "delete /metrics/job/{job}",
        "put /metrics/job/{job}/{label}/{value}",
        "post /metrics/job/{job}/{label}/{value}",
        "delete /metrics/job/{job}/{label}/{value}",
        "put /metrics/job@base64/{job}",
        "post /metrics/job@base64/{job}",
        "delete /metrics/job@base64/{job}",
        "put /metrics/job@base64/{job}/{label}/{value}",
        "post /metrics/job@base64/{job}/{label}/{value}",
        "delete /metrics/job@base64/{job}/{label}/{value}",
        "post /ingest",
        "post /api/v1/write",
        "post /api/v1/push",
        "post /v1/metrics",
        "post /api/v1/otlp/v1/metrics",
        "get /metrics",
        "head /metrics",
        "get /telemetry",
        "head /telemetry",
        "get /api/v1/status",
        "head /api/v1/status",
        "get /api/v1/metrics",
        "get /api/v1/export",
        "head /api/v1/export",
        "get /api/v1/groups",
        "head /api/v1/groups",
        "get /api/v1/groups/{id}",
        "head /api/v1/groups/{id}",
        "get /api/v1/cardinality",
        "head /api/v1/cardinality",
        "put /api/v1/admin/wipe",
        "delete /api/v1/admin/groups",
        "get /-/healthy",
        "head /-/healthy",
        "get /-/ready",
        "head /-/ready",
        "put /-/quit",
        "post /-/quit",
        "put /-/reload",
        "post /-/reload",
        "get /api/v1/openapi.json",
        "head /api/v1/openapi.json",
        "get /",
        "head /",
        "get /LICENSES.txt",
        "head /LICENSES.txt",
        "get /assets/{file}",
        "head /assets/{file}",
      ]
    `)
    for (const [path, method] of operations) {
      const url = path.replaceAll(/\{\w+\}/g, 'x')
      const { headers } = await server.inject({ method: 'PATCH' as 'OPTIONS', url })
      expect([path, headers.allow]).toEqual([path, expect.stringContaining(method.toUpperCase())])
    }
  })

  it('names what it takes to tell answers apart, and a limit of everything that may come', async () => {
    for (const [path, method, { summary, parameters = [], responses }] of operationsOf(await described())) {
      expect([path, method, summary, Object.keys(responses).some((status) => status < '300')]).toEqual([
        path,
        method,
        expect.any(String),
        true,
      ])
      for (const { name, in: place, schema } of parameters) {
        if (place !== 'query') continue
        const { maxLength, maximum, enum: choices, maxItems } = schema
        expect([path, name, maxLength ?? maximum ?? choices ?? maxItems]).not.toContain(undefined)
      }
    }
  })

  it('has no path that is switched off, and those that were moved where they are', async () => {
    const { paths, servers } = await described({
      options: {
        externalPath: '/pgr',
        paths: { ...OPTIONS.paths, metrics: '/all', telemetry: '/all', ingest: '/in' },
      },
    })
    expect(servers).toEqual([{ url: '/pgr' }])
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/all', '/in', '/api/v1/groups/{id}']))
    expect(Object.keys(paths).filter((path) => /admin|\/telemetry|^\/ingest|^\/metrics$/.test(path))).toEqual(
      [],
    )
  })
})

describe('answers of the read API', () => {
  let store: Store
  let one: TestGateway
  let server: TestServer
  beforeEach(async () => {
    store = embeddedStore(() => Date.UTC(2026, 10, 27, 20))
    one = openTestGateway(store)
    server = openTestServer({ gateway: one.gateway })
    await one.push(
      'put',
      { job: 'a' },
      '# TYPE c counter\nc{x="1"} 1\n# TYPE s summary\ns{quantile="0.5"} 1\ns_count 2\n',
    )
    await expect(one.push('put', { job: 'b' }, 'rows 1 1\n')).rejects.toThrow()
    await one.ingest(
      '# TYPE h histogram\nh_bucket{job="a",le="1"} 1\nh_bucket{job="a",le="+Inf"} 2\n',
      undefined,
      0,
    )
  })
  afterEach(async () => {
    await one.gateway.stop()
    await store.close()
  })

  const failure = { 'groups?limit=x': 400, 'groups/none': 404 }

  it.each<[string, string]>([
    ['/api/v1/groups', 'groups'],
    ['/api/v1/groups/{id}', ''],
    ['/api/v1/cardinality', 'cardinality'],
    ['/api/v1/cardinality', 'cardinality?label=job'],
    ['/api/v1/status', 'status'],
    ...Object.keys(failure).map((url) => ['/api/v1/groups', url] as [string, string]),
  ])('are as %s describes them: %s', async (path, given) => {
    const { groups } = (await server.inject({ method: 'GET', url: '/api/v1/groups' })).json().data
    expect(groups).toHaveLength(3)
    for (const url of given === '' ? groups.map(({ id }: { id: string }) => `groups/${id}`) : [given]) {
      const { statusCode, body } = await server.inject({ method: 'GET', url: `/api/v1/${url}` })
      expect(statusCode).toBe(failure[url as keyof typeof failure] ?? 200)
      const document = await describedBy(server)
      const { responses = {} } = document.paths[path]?.['get'] ?? {}
      const answer = responses[statusCode] ?? responses[400]
      const schema = answer?.content?.['application/json']?.schema
      const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
      ajv.validate(schema as object, JSON.parse(body))
      expect(ajv.errors).toBeNull()
    }
  })
})
