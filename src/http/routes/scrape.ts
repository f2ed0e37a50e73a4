import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PgrError } from '../../errors/pgr-error.ts'
import { offers } from '../../formats/index.ts'
import { parseMediaType } from '../../formats/media-type.ts'
import { acceptsGzip, type Negotiated, negotiate, type Offer } from '../../formats/negotiate.ts'
import { asFailure, sendFailure } from '../answer.ts'
import type { HttpDeps, HttpOptions } from '../options.ts'
import { appendOwn, readOwn } from '../own-metrics.ts'
import { sendPage, whenRead } from '../send-page.ts'
import { page, type Route } from './route.ts'

/** Prometheus' own default. */
const DEFAULT_BUDGET_MS = 10_000
/** Left of what the scraper allows for the way there and back. */
const MARGIN_MS = 500
const LEAST_BUDGET_MS = 100
/** Nobody scrapes less often than every few minutes; a wait has an end whatever a header says. */
const MOST_BUDGET_MS = 5 * 60_000

/** What of a scrape is told beside its outcome. */
interface Sent {
  readonly bytes: number
  readonly series: number
  readonly stale?: true
}

/** The page of everything pushed, and the page of own metrics; one page when they share a path. */
export function scrapeRoutes(options: HttpOptions, deps: HttpDeps): Route[] {
  const { metrics, telemetry } = options.paths
  const types = offersFor(options.compat).map(
    ({ writer }) => parseMediaType(writer.contentType('underscores')).type,
  )
  const scrape = page(metrics, (request, reply) => answerScrape(request, reply), {
    summary: 'Show everything pushed, to be scraped',
    headers: {
      Accept: 'Format and escaping of names.',
      'Accept-Encoding': '`gzip` compresses the page.',
      'X-Prometheus-Scrape-Timeout-Seconds': 'How long the answer may take.',
    },
    answers: {
      200: { description: 'The page.', types: [...new Set(types)] },
      503: { description: 'The store is away.' },
    },
  })
  const own = {
    summary: 'Show metrics about this server',
    answers: { 200: { description: 'The page, in text 0.0.4.', types: ['text/plain'] } },
  }
  return metrics === telemetry ? [scrape] : [scrape, page(telemetry, answerOwn, own)]

  async function answerScrape(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const startedAtMs = performance.now()
    const negotiated = negotiate(request.headers.accept, offersFor(options.compat))
    const gzip = acceptsGzip(asText(request.headers['accept-encoding']))
    let failure: PgrError | undefined
    let sent: Sent = { bytes: 0, series: 0 }
    try {
      sent = await send(request, reply, negotiated, gzip, startedAtMs)
    } catch (reason) {
      failure = asFailure(reason, 'scrape', deps.tell)
      if (!reply.sent) sendFailure(reply, failure)
    }
    deps.tell({
      kind: 'scrape',
      format: negotiated.writer.name,
      status: failure?.failure.status ?? 200,
      ...sent,
      seconds: (performance.now() - startedAtMs) / 1000,
      ...(failure === undefined ? {} : { code: failure.code }),
    })
    return reply
  }

  async function send(
    request: FastifyRequest,
    reply: FastifyReply,
    { writer, escaping, contentType }: Negotiated,
    gzip: boolean,
    startedAtMs: number,
  ): Promise<Sent> {
    // A format that ends its page with something cannot have them behind it.
    const addsOwn = metrics === telemetry && writer.end.length === 0
    const own = addsOwn ? readOwn((await deps.telemetry.metrics()).body) : []
    const found = await deps.gateway.scrape({
      format: writer.name,
      escaping,
      gzip: gzip && !addsOwn,
      beside: own.map(({ name }) => name),
      deadlineMs: startedAtMs + budgetMs(request.headers['x-prometheus-scrape-timeout-seconds']),
    })
    try {
      const stale = found.ageSeconds > 0
      const free = new Set(found.free)
      const { chunks, bytes } = addsOwn
        ? await appendOwn(
            found,
            own.filter(({ name }) => free.has(name)),
            { writer, escaping, compress: gzip },
          )
        : found
      const headers = {
        'content-type': contentType,
        'content-length': bytes,
        vary: 'Accept, Accept-Encoding',
        'x-content-type-options': 'nosniff',
        ...(gzip ? { 'content-encoding': 'gzip' } : {}),
        ...(stale ? { age: String(Math.ceil(found.ageSeconds)) } : {}),
      }
      reply.hijack()
      const sentBytes = await sendPage(request.raw, reply.raw, headers, chunks)
      return { bytes: sentBytes, series: found.series, ...(stale ? { stale } : {}) }
    } finally {
      whenRead(reply.raw, found.release)
    }
  }

  async function answerOwn(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const { contentType, body } = await deps.telemetry.metrics()
      return reply.type(contentType).send(body)
    } catch (reason) {
      return sendFailure(reply, asFailure(reason, 'telemetry', deps.tell))
    }
  }
}

function offersFor(compat: HttpOptions['compat']): readonly [Offer, ...(readonly Offer[])] {
  if (compat === 'none') return offers
  const [first, ...rest] = offers
  return [first, ...rest.filter(({ writer }) => writer.name !== 'openmetrics')]
}

/** How long the answer may take to begin, from what the scraper says it waits. */
function budgetMs(header: string | string[] | undefined): number {
  const seconds = Number(asText(header) ?? '')
  if (!(seconds > 0)) return DEFAULT_BUDGET_MS
  return Math.min(Math.max(seconds * 1000 - MARGIN_MS, LEAST_BUDGET_MS), MOST_BUDGET_MS)
}

function asText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header
}
