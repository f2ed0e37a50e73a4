/**
 * What a fleet costs, worked out from what one push, one change, one scrape and one series cost
 * (docs/benchmarks/costs.json). docs/scaling.md tells it in words.
 */

/** Pieces of a page are kept, and compressed, in segments of about this many bytes. */
const SEGMENT_BYTES = 32 * 1024
/** Ids of writes are kept for two minutes. */
const OPERATION_SECONDS = 120
/** Times that each second: above it, what waits in a queue grows faster than what comes. */
export const MOST_BUSY = 0.6
/** With one gateway less, until it is there again. */
export const MOST_BUSY_WITHOUT_ONE = 0.9
/** A heap is collected when it has grown, and Redis is given room for a fork: docs/redis.md. */
const HEAP_ROOM = 2
const BUFFER_ROOM = 1.3
const REDIS_ROOM = 2.5
/** An empty gateway. */
const BASE_BYTES = 150e6
const MEGA = 1e6
const BITS = 8
/** Most of each that is looked at. */
const MOST_SHARDS = 256
const MOST_REPLICAS = 100
const PARTITIONS = 64
/** Threads that compress, of each replica. */
export const COMPRESSING_THREADS = 4

export function linear({ each, perSeries }, series) {
  return each + perSeries * series
}

/** One of the shards that a fleet is divided into; each has gateways and Redis of its own. */
export function shardOf(fleet, shards) {
  return {
    ...fleet,
    pushes: fleet.pushes / shards,
    series: fleet.series / shards,
    scrapers: fleet.scrapers / shards,
  }
}

/** Derived from a fleet: what is pushed at a time, and how the page is built. */
export function shapeOf({ pushes, series, pushInterval }, costs) {
  const groups = Math.max(1, pushes * pushInterval)
  const seriesPerPush = series / groups
  const page = groups * costs.bytes.page.each + series * costs.bytes.page.perSeries
  const gzip = groups * costs.bytes.pageGzip.each + series * costs.bytes.pageGzip.perSeries
  const blockBytes = Math.min(seriesPerPush, costs.seriesPerFamily) * costs.bytes.page.perSeries
  return {
    groups,
    seriesPerPush,
    pageBytes: page,
    gzipBytes: gzip,
    blocksPerSegment: SEGMENT_BYTES / blockBytes,
  }
}

/** Share of a page's segments in which something stands of a share of its groups. */
export function renewedShare(changedShare, blocksPerSegment) {
  return 1 - (1 - Math.min(1, changedShare)) ** Math.max(1, blocksPerSegment)
}

/**
 * How busy everything is, with so many replicas and Redis primaries: parts of one thread, one link, or the machine's memory.
 * `followed` is the part of a gateway's thread that more replicas do not make less.
 */
export function loadOf(shard, { replicas, primaries }, costs) {
  const { pushes, scrapers, interval, pollInterval, linkGbits } = shard
  const shape = shapeOf(shard, costs)
  const { groups, seriesPerPush, pageBytes, gzipBytes, blocksPerSegment } = shape
  const { gatewayUs, gatewayThreadsUs, redisUs, bytes } = costs
  const scrapes = scrapers / interval / replicas
  const looks = 1 / pollInterval + scrapes
  // Of a group that is pushed twice between two looks, or two scrapes, one change is read, or shown.
  const read = Math.min(pushes, groups * looks)
  const shown = Math.min(pushes, groups * scrapes)
  const pageMegabytes = pageBytes / MEGA
  const renewed =
    scrapes === 0 ? 0 : scrapes * pageMegabytes * renewedShare(pushes / scrapes / groups, blocksPerSegment)
  const sizeOf = (cost) => linear(cost, seriesPerPush)

  const pushed = (pushes / replicas) * sizeOf(gatewayUs.push)
  const followed = read * sizeOf(gatewayUs.change) + gatewayUs.poll / pollInterval
  const { each, perMegabyte } = gatewayUs.scrape.gzip
  const rendered = shown * seriesPerPush * gatewayUs.render.perSeries + renewed * gatewayUs.render.perMegabyte
  const sent = scrapes * (each + pageMegabytes * perMegabyte)
  const beside =
    (pushes / replicas) * sizeOf(gatewayThreadsUs.push) +
    read * sizeOf(gatewayThreadsUs.change) +
    looks * gatewayThreadsUs.poll +
    shown * seriesPerPush * gatewayThreadsUs.render.perSeries +
    renewed * gatewayThreadsUs.render.perMegabyte
  const redis =
    (pushes * sizeOf(redisUs.push) + replicas * (read * sizeOf(redisUs.change) + looks * redisUs.poll)) /
    primaries
  const changesBytes = read * sizeOf(bytes.changeFromRedis) + looks * bytes.pollFromRedis
  const outBytes = scrapes * gzipBytes + (pushes / replicas) * sizeOf(bytes.pushToRedis)
  const inBytes = (pushes / replicas) * sizeOf(bytes.pushBody) + changesBytes
  const redisOutBytes = (replicas * changesBytes + pushes * sizeOf(bytes.pushFromRedis)) / primaries
  const linkBytes = (linkGbits * 1e9) / BITS

  return {
    shape,
    rates: { scrapes, read, shown, renewedMegabytes: renewed },
    /** Parts of a gateway's thread. */
    gateway: {
      pushes: pushed / MEGA,
      changes: followed / MEGA,
      render: rendered / MEGA,
      pages: sent / MEGA,
    },
    busy: {
      gateway: (pushed + followed + rendered + sent) / MEGA,
      gatewayThreads: beside / MEGA / COMPRESSING_THREADS,
      redis: redis / MEGA,
      gatewayLink: Math.max(outBytes, inBytes) / linkBytes,
      redisLink: redisOutBytes / linkBytes,
    },
    gatewayCores: (pushed + followed + rendered + sent + beside) / MEGA,
    gatewayGbits: (Math.max(outBytes, inBytes) * BITS) / 1e9,
    redisGbits: (redisOutBytes * BITS) / 1e9,
    gatewayMemoryBytes: gatewayMemoryOf(shape, shard, costs),
    redisMemoryBytes:
      (REDIS_ROOM *
        (groups * bytes.redisMemory.each +
          shard.series * bytes.redisMemory.perSeries +
          pushes * OPERATION_SECONDS * bytes.redisMemoryPerPush)) /
      primaries,
  }
}

function gatewayMemoryOf({ groups, pageBytes, gzipBytes }, { series }, { bytes }) {
  const heap = groups * bytes.viewHeap.each + series * bytes.viewHeap.perSeries
  const buffers =
    groups * bytes.viewBuffers.each + series * bytes.viewBuffers.perSeries + pageBytes + gzipBytes
  return BASE_BYTES + HEAP_ROOM * heap + BUFFER_ROOM * buffers
}

/** What is busiest, and how busy. */
function busiest({ busy }) {
  return Object.entries(busy).reduce((most, one) => (one[1] > most[1] ? one : most))
}

function isEnough(shard, { replicas, primaries }, costs) {
  const busy = (count) => busiest(loadOf(shard, { replicas: count, primaries }, costs))[1]
  return busy(replicas) <= MOST_BUSY && busy(replicas - 1) <= MOST_BUSY_WITHOUT_ONE
}

/** The fewest replicas, at least two, and then the fewest primaries with which a shard is served; undefined when none are. */
export function smallestFor(shard, costs) {
  for (let replicas = 2; replicas <= MOST_REPLICAS; replicas++) {
    if (!isEnough(shard, { replicas, primaries: PARTITIONS }, costs)) continue
    for (let primaries = 1; primaries <= PARTITIONS; primaries++) {
      const servers = { replicas, primaries }
      if (isEnough(shard, servers, costs)) return { ...servers, load: loadOf(shard, servers, costs) }
    }
  }
  return undefined
}

/** The division that needs the fewest gateways and primaries in all; undefined when none does. */
export function planOf(fleet, costs) {
  let best
  for (let shards = 1; shards <= MOST_SHARDS; shards++) {
    const shard = shardOf(fleet, shards)
    const found = smallestFor(shard, costs)
    if (found === undefined) continue
    const servers = shards * (found.replicas + found.primaries)
    if (best === undefined || servers < best.servers) best = { shards, shard, servers, ...found }
  }
  return best
}

/**
 * Where one shard for all ends: how much of the fleet it could take with any number of replicas and primaries, and what is
 * busiest a little beyond that.
 */
export function firstLimit(fleet, costs) {
  let [taken, refused] = [0, 1]
  const part = (share) => shardOf(fleet, 1 / share)
  if (smallestFor(fleet, costs) !== undefined) return undefined
  for (let n = 0; n < 20; n++) {
    const middle = (taken + refused) / 2
    if (smallestFor(part(middle), costs) === undefined) refused = middle
    else taken = middle
  }
  const at = smallestFor(part(taken), costs)
  if (at === undefined) return undefined
  const beyond = loadOf(part(refused), { replicas: MOST_REPLICAS, primaries: PARTITIONS }, costs)
  return { share: taken, ...at, limit: busiest(beyond)[0], beyond }
}
