import type { FastifyReply, FastifyRequest } from 'fastify'
import { asApi } from '../answer.ts'
import { page, type Route } from './route.ts'

/** The description of all routes, this one included; made when it is first asked for. */
export function openApiRoutes(describe: () => object): Route[] {
  let text: string | undefined
  return [
    page(
      '/api/v1/openapi.json',
      (_request: FastifyRequest, reply: FastifyReply) => {
        text ??= JSON.stringify(describe())
        return asApi(reply).send(text)
      },
      {
        summary: 'Describe this API',
        answers: {
          200: {
            description: 'This document, in OpenAPI 3.1.',
            types: ['application/json'],
            schema: { type: 'object' },
          },
        },
      },
    ),
  ]
}
