import { type BodyFormat, detectFormat } from '../client/body.ts'
import type { BodyToCheck } from '../client/check.ts'
import { parseGroupLabel } from '../client/group-path.ts'
import type { OtlpOrder } from '../client/otlp.ts'
import type { RemoteWriteCounts, RemoteWriteOrder } from '../client/remote-write.ts'
import { buildRequest, type PushOrder, type PushRequest } from '../client/request.ts'
import type { Answer } from '../client/send.ts'
import { duration } from '../config/kinds.ts'
import { PgrError } from '../errors/pgr-error.ts'
import type { RemoteWriteVersion } from '../formats/remote-write/index.ts'
import { duplicateName, type Label, type Labels, sortLabels } from '../model/labels.ts'
import type { GatewayFlags } from './gateway-flags.ts'
import { type TargetSources, targetOf } from './gateway-target.ts'
import type { Input } from './input.ts'

/** The flags of `pgr push` that decide what is sent. */
export interface PushFlags extends GatewayFlags {
  readonly job?: string | undefined
  readonly group?: readonly string[] | undefined
  readonly replace: boolean
  readonly ttl?: string | undefined
  readonly protocol: 'pushgateway' | 'ingest' | 'remote-write' | 'otlp'
  readonly 'remote-write-version': '1.0' | '2.0'
  readonly format: BodyFormat | 'auto'
  readonly check: boolean
  readonly 'allow-empty': boolean
  readonly gzip: boolean
}

export interface OrderSources extends TargetSources {
  readInput(): Promise<Input>
  /** Unix time in milliseconds. */
  now(): number
}

/** A request ready to be sent, and what is to be told of it. */
export interface PreparedPush {
  readonly request: PushRequest
  /** As it was read. */
  readonly input: Uint8Array
  /** Null when the input was not read. */
  readonly series: number | null
  /** The reason in an answer that refuses, where it is not plain text. */
  explain?(answer: Answer): string
  /** Reads the answer to a push that was taken. Throws PGR_PUSH_REFUSED when it says that part of it was not. */
  outcome(answer: Answer): PushOutcome
}

/** What a receiver says besides that it took the push. */
export interface PushOutcome {
  readonly written?: RemoteWriteCounts
  readonly warning?: string
}

/**
 * Turns flags and input into what is to be sent. Input is read only once the flags are in order. Throws
 * PGR_SETTING_INVALID for flags, and what is wrong with the body.
 */
export async function preparePush(flags: PushFlags, sources: OrderSources): Promise<PreparedPush> {
  const to = destination(flags)
  const target = targetOf(flags, sources)
  const ttl = lifetimeOf(flags)

  const { name, body } = await sources.readInput()
  if (body.length === 0 && !flags['allow-empty']) {
    const effect = flags.replace ? 'would empty the group' : 'would push nothing'
    refuse(`${name} is empty, which ${effect}: pass --allow-empty if that is meant`)
  }
  const format = flags.format === 'auto' ? detectFormat(body) : flags.format
  if (typeof to === 'object' && 'protocol' in to) {
    const { readBody } = await import('../client/check.ts')
    const families = readBody({ name, body, format })
    const order = { target, ...ttl, families, labels: to.labels, nowMs: sources.now(), gzip: flags.gzip }
    const prepared =
      to.protocol === 'otlp' ? await prepareOtlp(order) : await prepareRemoteWrite(order, to.version)
    return { input: body, ...prepared }
  }
  const series = flags.check ? await check({ name, body, format, timestamps: to === 'ingest' }) : null
  const request = buildRequest({ target, to, format, body, gzip: flags.gzip, ...ttl })
  return { request, input: body, series, outcome: () => ({}) }
}

async function prepareRemoteWrite(
  order: Omit<RemoteWriteOrder, 'version'>,
  version: RemoteWriteVersion,
): Promise<Omit<PreparedPush, 'input'>> {
  const { buildRemoteWrite, readWritten } = await import('../client/remote-write.ts')
  const { request, carries, series } = buildRemoteWrite({ ...order, version })
  const outcome = ({ headers }: Answer): PushOutcome => {
    const written = readWritten(version, carries, headers)
    return written === undefined ? {} : { written }
  }
  return { request, series, outcome }
}

async function prepareOtlp(order: OtlpOrder): Promise<Omit<PreparedPush, 'input'>> {
  const { buildOtlp, explainOtlp, readOtlpAnswer } = await import('../client/otlp.ts')
  const outcome = (answer: Answer): PushOutcome => {
    const warning = readOtlpAnswer(answer)
    return warning === undefined ? {} : { warning }
  }
  return { ...buildOtlp(order), explain: explainOtlp, outcome }
}

/** The readers are loaded only when they are needed. */
async function check(body: BodyToCheck): Promise<number> {
  const { checkBody } = await import('../client/check.ts')
  return checkBody(body)
}

const LIFETIME = duration({ zero: 'never' })

/** The lifetime asked for, if any. Throws PGR_SETTING_INVALID. */
export function lifetimeOf({ ttl }: Pick<PushFlags, 'ttl'>): { readonly ttl?: string } {
  if (ttl === undefined) return {}
  if (LIFETIME.parse(ttl) === undefined)
    refuse(`--ttl must be ${LIFETIME.expects}, not ${JSON.stringify(ttl)}`)
  return { ttl }
}

/** A receiver of series, with labels that all of them get. */
type SeriesDestination = { readonly labels: Labels } & (
  | { readonly protocol: 'remote-write'; readonly version: RemoteWriteVersion }
  | { readonly protocol: 'otlp' }
)

function destination(flags: PushFlags): PushOrder['to'] | SeriesDestination {
  const { protocol, job, group = [], replace } = flags
  if (protocol === 'remote-write' || protocol === 'otlp') {
    if (replace) refuse(`--replace belongs to a group, which --protocol=${protocol} has not: leave it out`)
    const labels = labelsFor(job, group)
    if (protocol === 'otlp') return { protocol, labels }
    return { protocol, version: flags['remote-write-version'] === '1.0' ? 1 : 2, labels }
  }
  if (protocol === 'ingest') {
    if (job !== undefined || group.length > 0 || replace) {
      refuse(
        '--job, --group and --replace belong to a group, which --protocol=ingest has not: leave them out',
      )
    }
    return 'ingest'
  }
  return groupOf(flags)
}

/** The group that flags name. Throws PGR_SETTING_INVALID. */
export function groupOf({
  job,
  group = [],
  replace,
}: Pick<PushFlags, 'job' | 'group' | 'replace'>): Exclude<PushOrder['to'], 'ingest'> {
  if (job === undefined || job === '') return refuse('the group has no job name: give one with --job')
  if (job.startsWith('-')) refuse(`the job name ${JSON.stringify(job)} looks like a flag: give --job a name`)
  return { job, labels: group.map(parseGroupLabel), replace }
}

function labelsFor(job: string | undefined, group: readonly string[]): Labels {
  const labels: Label[] = group.map(parseGroupLabel)
  if (job !== undefined && job !== '') labels.push({ name: 'job', value: job })
  const sorted = sortLabels(labels)
  const twice = duplicateName(sorted)
  if (twice !== undefined) refuse(`the label ${twice} is given twice`)
  return sorted
}

function refuse(message: string): never {
  throw new PgrError('PGR_SETTING_INVALID', message)
}
