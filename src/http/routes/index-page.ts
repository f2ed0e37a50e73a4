import type { FastifyReply, FastifyRequest } from 'fastify'
import { PgrError } from '../../errors/pgr-error.ts'
import { acceptsGzip } from '../../formats/negotiate.ts'
import { sendFailure, sendText } from '../answer.ts'
import type { HttpOptions } from '../options.ts'
import { type PageFile, readPageFiles } from '../page-files.ts'
import { type About, type Handler, page, type Route } from './route.ts'

const INDEX = 'index.html'
const LICENCES = 'LICENSES.txt'
const YEAR_SECONDS = 365 * 24 * 3600

/** The page asks this server alone, and nobody else may show it within a page of theirs. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex, nofollow',
  'referrer-policy': 'no-referrer',
  vary: 'accept-encoding',
} as const

const UNCHANGED = { description: 'What `If-None-Match` names is still what there is.' }

/** The status page and the files it is made of. Its links are relative, so that it works wherever a proxy shows it. */
export function indexRoutes({ routePrefix }: HttpOptions): Route[] {
  const files = new Map(readPageFiles().map((file) => [file.name, file]))
  const index = files.get(INDEX)
  const routes = [
    page(
      '/',
      index === undefined ? answerUnbuilt : sender(index),
      about('Show the status page', 'text/html'),
      'status',
    ),
    page(
      `/${LICENCES}`,
      byName(files, () => LICENCES),
      about('Show the licences of the status page', 'text/plain'),
      'status',
    ),
    {
      ...page(
        '/assets/*',
        byName(files, (request) => `assets/${(request.params as { '*': string })['*']}`),
        about('Give a part of the status page', 'text/javascript', 'text/css', 'image/svg+xml'),
        'status',
      ),
      shownAs: ['/assets/{file}'],
      names: { file: 'As the page names it.' },
    },
  ]
  return routePrefix === '' ? routes : [...routes, toSlash(routePrefix)]
}

function about(summary: string, ...types: string[]): About {
  return { summary, answers: { 200: { description: 'The file.', types }, 304: UNCHANGED } }
}

/** Without the slash at the end, what the page asks for would be looked for beside it. */
function toSlash(routePrefix: string): Route {
  const handler: Handler = (_request, reply) => reply.redirect(`${routePrefix}/`, 308)
  const answers = { 308: { description: 'The page is at the same path with a slash.' } }
  return { ...page('', handler, { summary: 'Go to the status page', answers }, 'status'), shownAs: [] }
}

function byName(files: ReadonlyMap<string, PageFile>, nameOf: (request: FastifyRequest) => string): Handler {
  return (request, reply) => {
    const file = files.get(nameOf(request))
    if (file === undefined) return sendFailure(reply, new PgrError('PGR_NOT_FOUND', '404 page not found'))
    return sender(file)(request, reply)
  }
}

function sender({ type, plain, gzip, etag, isImmutable }: PageFile) {
  const caching = isImmutable ? `max-age=${YEAR_SECONDS}, immutable` : 'no-cache'
  return ({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply => {
    reply.headers({ ...HEADERS, 'cache-control': caching, etag })
    if (headers['if-none-match'] === etag) return reply.code(304).send()
    const { 'accept-encoding': accepted } = headers
    reply.type(type)
    if (!acceptsGzip(Array.isArray(accepted) ? accepted.join() : accepted)) return reply.send(plain)
    return reply.header('content-encoding', 'gzip').send(gzip)
  }
}

function answerUnbuilt(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers(HEADERS)
  return sendText(
    reply,
    200,
    'The status page was not built; npm run build does it. The API is below api/v1/.',
  )
}
