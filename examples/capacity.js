#!/usr/bin/env node
/**
 * How many gateways and Redis servers a fleet needs, from measured costs, and what happens when that is played for a while:
 *
 *   node examples/capacity.js --pushes 10000 --series 10000000 --scrapers 1000 --interval 15s
 *
 * docs/scaling.md explains the figures.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { firstLimit, loadOf, planOf, shardOf, smallestFor } from './capacity/model.js'
import { simulate } from './capacity/simulation.js'

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
  costs: { type: 'string' },
}

function fail(text) {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}

function numberIn(name, text) {
  const value = Number(text)
  if (!(value > 0)) fail(`--${name} has to be a number above 0, and is ${JSON.stringify(text)}`)
  return value
}

function secondsIn(name, text) {
  const [, digits, unit = ''] = /^([\d.]+)(ms|s|m|h)?$/.exec(text) ?? []
  if (digits === undefined) fail(`--${name} has to be a duration such as 15s, and is ${JSON.stringify(text)}`)
  return numberIn(name, digits) * { ms: 0.001, s: 1, m: 60, h: 3600, '': 1 }[unit]
}

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values
  } catch (reason) {
    return fail(reason.message)
  }
}

const percent = (part) => `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`
const rounded = (value) => Math.round(value).toLocaleString('en-US')

function show(lines) {
  process.stdout.write(`${lines.join('\n')}\n`)
}

function showBusy({ busy, gateway }) {
  const parts = Object.entries(gateway).map(([what, part]) => `${what} ${percent(part)}`)
  return [
    ...Object.entries(busy).map(([what, part]) => `  ${NAMES[what].padEnd(26)} ${percent(part)} busy`),
    `  of a gateway's thread: ${parts.join(', ')}`,
  ]
}

const given = readOptions()
const costs = JSON.parse(
  readFileSync(given.costs ?? new URL('../docs/benchmarks/costs.json', import.meta.url), 'utf8'),
)
const interval = secondsIn('interval', given.interval)
const fleet = {
  pushes: numberIn('pushes', given.pushes),
  series: numberIn('series', given.series),
  scrapers: numberIn('scrapers', given.scrapers),
  interval,
  pushInterval:
    given['push-interval'] === undefined ? interval : secondsIn('push-interval', given['push-interval']),
  pollInterval: secondsIn('poll-interval', given['poll-interval']),
  linkGbits: numberIn('link-gbits', given['link-gbits']),
}

/** What is given, and the fewest of what is not. */
function chosen() {
  if (given.replicas !== undefined || given.primaries !== undefined) {
    const servers = {
      replicas: numberIn('replicas', given.replicas ?? '2'),
      primaries: numberIn('primaries', given.primaries ?? '1'),
    }
    const shards = numberIn('shards', given.shards ?? '1')
    const shard = shardOf(fleet, shards)
    return { shards, shard, ...servers, load: loadOf(shard, servers, costs) }
  }
  if (given.shards === undefined) return planOf(fleet, costs)
  const shards = numberIn('shards', given.shards)
  const shard = shardOf(fleet, shards)
  const smallest = smallestFor(shard, costs)
  return smallest === undefined ? undefined : { shards, shard, ...smallest }
}

const limit = firstLimit(fleet, costs)
show([
  `a fleet of ${rounded(fleet.pushes)} pushes/s, ${rounded(fleet.series)} series, ${rounded(fleet.scrapers)} scrapers every ${fleet.interval} s`,
  limit === undefined
    ? 'one store is enough for it'
    : `one store for all: enough for ${percent(limit.share)} of it, with ${limit.replicas} replicas; then the limit is ${NAMES[limit.limit]}`,
])

const plan = chosen()
if (plan === undefined) fail('no number of gateways is enough for a shard; take more shards')
const { shards, shard, replicas, primaries, load } = plan
const { shape } = load
show([
  '',
  `${shards} shards, each with ${replicas} gateways and ${primaries} Redis primaries: ${shards * replicas} gateways, ${shards * primaries} primaries`,
  `a shard: ${rounded(shard.pushes)} pushes/s, ${rounded(shard.series)} series in ${rounded(shape.groups)} groups, ${rounded(shape.seriesPerPush)} series a push, ${rounded(shard.scrapers)} scrapers`,
  `  page ${(shape.pageBytes / 1e6).toFixed(1)} MB, ${(shape.gzipBytes / 1e6).toFixed(1)} MB compressed`,
  ...showBusy(load),
  `  a gateway: ${load.gatewayCores.toFixed(1)} cores, ${gigabytes(load.gatewayMemoryBytes)}, ${load.gatewayGbits.toFixed(2)} Gbit/s`,
  `  a primary: ${gigabytes(load.redisMemoryBytes)}, ${load.redisGbits.toFixed(2)} Gbit/s`,
])

const seconds = numberIn('seconds', given.seconds)
const played = simulate(shard, { replicas, primaries }, costs, {
  seconds,
  seed: numberIn('seed', given.seed),
})
const told = ({ count, p50Ms, p99Ms }) =>
  `${rounded(count)} answered, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`
show([
  '',
  `a shard played for ${seconds} s`,
  `  pushes: ${told(played.pushes)}`,
  `  scrapes: ${told(played.scrapes)}`,
  ...Object.entries(played.busy).map(([what, part]) => `  ${NAMES[what].padEnd(26)} ${percent(part)} busy`),
])
