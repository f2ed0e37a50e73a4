import { parseArgs } from 'node:util'
import { firstLimit, loadOf, planOf, shardOf, smallestFor } from './model.js'
import { simulate } from './simulation.js'

/** What things are called in the report. */
const NAMES = {
  gateway: "a gateway's thread",
  gatewayThreads: "a gateway's other threads",
  redis: "a primary's thread",
  gatewayLink: "a gateway's link",
  redisLink: "a primary's link",
}

const OPTIONS = {
  pushes: { type: 'string', default: '10000' },
  series: { type: 'string', default: '10000000' },
  scrapers: { type: 'string', default: '1000' },
  interval: { type: 'string', default: '15s' },
  'push-interval': { type: 'string' },
  'poll-interval': { type: 'string', default: '1s' },
  'link-gbits': { type: 'string', default: '10' },
  shards: { type: 'string' },
  replicas: { type: 'string' },
  primaries: { type: 'string' },
  seconds: { type: 'string', default: '20' },
  seed: { type: 'string', default: '1' },
}

const UNIT_SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600 }

function numberIn(name, text) {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${name} has to be a number above 0, and is ${JSON.stringify(text)}`)
}

function countIn(name, text) {
  const value = numberIn(name, text)
  if (Number.isInteger(value)) return value
  throw new Error(`--${name} has to be a whole number, and is ${JSON.stringify(text)}`)
}

function secondsIn(name, text) {
  const [, digits, unit] = /^([\d.]+)(ms|s|m|h)$/.exec(text) ?? []
  if (digits !== undefined) return numberIn(name, digits) * UNIT_SECONDS[unit]
  throw new Error(`--${name} has to be a duration such as 15s, and is ${JSON.stringify(text)}`)
}

const percent = (part) => `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`
const whole = (value) => Math.round(value).toLocaleString('en-US')
const megabytes = (bytes) => `${whole(bytes / 1e6)} MB`
const many = (count, thing, things = `${thing}s`) => `${whole(count)} ${count === 1 ? thing : things}`
const busyLines = (busy) =>
  Object.entries(busy).map(([what, part]) => `  ${NAMES[what].padEnd(26)} ${percent(part)} busy`)

function fleetIn(given) {
  const interval = secondsIn('interval', given.interval)
  const pushInterval = given['push-interval']
  return {
    pushes: numberIn('pushes', given.pushes),
    series: numberIn('series', given.series),
    scrapers: numberIn('scrapers', given.scrapers),
    interval,
    pushInterval: pushInterval === undefined ? interval : secondsIn('push-interval', pushInterval),
    pollInterval: secondsIn('poll-interval', given['poll-interval']),
    linkGbits: numberIn('link-gbits', given['link-gbits']),
  }
}

/** With the servers that are given, and the fewest of those that are not. */
function planFor(fleet, given, costs) {
  if (given.shards === undefined && given.replicas === undefined && given.primaries === undefined)
    return planOf(fleet, costs)
  const shards = countIn('shards', given.shards ?? '1')
  const shard = shardOf(fleet, shards)
  if (given.replicas === undefined && given.primaries === undefined) {
    const smallest = smallestFor(shard, costs)
    return smallest && { shards, shard, ...smallest }
  }
  const servers = {
    replicas: countIn('replicas', given.replicas ?? '2'),
    primaries: countIn('primaries', given.primaries ?? '1'),
  }
  return { shards, shard, ...servers, load: loadOf(shard, servers, costs) }
}

/** The answer to a command line; throws what is wrong with it. */
export function report(args, costs) {
  const given = parseArgs({ args, options: OPTIONS }).values
  const fleet = fleetIn(given)
  const limit = firstLimit(fleet, costs)
  const plan = planFor(fleet, given, costs)
  if (plan === undefined) throw new Error('no number of gateways is enough for this; take more shards')
  const { shards, shard, replicas, primaries, load } = plan
  const { shape } = load
  const seconds = numberIn('seconds', given.seconds)
  const seed = countIn('seed', given.seed)
  const played = simulate(shard, { replicas, primaries }, costs, { seconds, seed })
  const answered = ({ count, p50Ms, p99Ms }) =>
    `${whole(count)} answered, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`
  const ofThread = Object.entries(load.gateway).map(([what, part]) => `${what} ${percent(part)}`)
  return [
    `a fleet of ${whole(fleet.pushes)} pushes/s, ${whole(fleet.series)} series, ${many(fleet.scrapers, 'scraper')} every ${fleet.interval} s`,
    limit === undefined
      ? 'one store is enough for it'
      : `one store for all is enough for ${percent(limit.share)} of it, with ${limit.replicas} gateways; then the limit is ${NAMES[limit.limit]}`,
    '',
    `${many(shards, 'shard')} of ${many(replicas, 'gateway')} and ${many(primaries, 'Redis primary', 'Redis primaries')}; in all ${many(shards * replicas, 'gateway')} and ${many(shards * primaries, 'primary', 'primaries')}`,
    `a shard: ${whole(shard.pushes)} pushes/s of ${whole(shape.seriesPerPush)} series, ${whole(shard.series)} series in ${whole(shape.groups)} groups, ${many(Math.ceil(shard.scrapers), 'scraper')}`,
    `  its page: ${(shape.pageBytes / 1e6).toFixed(1)} MB, ${(shape.gzipBytes / 1e6).toFixed(1)} MB compressed`,
    ...busyLines(load.busy),
    `  of a gateway's thread: ${ofThread.join(', ')}`,
    `  a gateway needs ${load.gatewayCores.toFixed(1)} cores, ${megabytes(load.gatewayMemoryBytes)}, ${load.gatewayGbits.toFixed(2)} Gbit/s`,
    `  a primary needs ${megabytes(load.redisMemoryBytes)}, ${load.redisGbits.toFixed(2)} Gbit/s`,
    '',
    `a shard played for ${seconds} s`,
    `  pushes: ${answered(played.pushes)}`,
    `  scrapes: ${answered(played.scrapes)}`,
    ...busyLines(played.busy),
  ].join('\n')
}
