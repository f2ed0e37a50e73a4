/**
 * Scrapes over bare sockets, in a process of its own: reads every page whole into one buffer and keeps nothing of it.
 *
 *   node scrape.mjs '{"url": "http://127.0.0.1:9753/metrics", "encoding": "gzip", "scrapers": 1, "count": 5}'
 *
 * Each scraper scrapes `count` times, or until standard input ends, one after the other. With `persist` whatever is not a
 * complete 200 is asked for again, also where nothing listens yet. Prints one line of JSON.
 */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const { url, encoding, scrapers = 1, count, persist = false } = JSON.parse(process.argv[2])
const { hostname, port, pathname } = new URL(url)
const REQUEST =
  `GET ${pathname} HTTP/1.1\r\nhost: x\r\naccept: text/plain;version=0.0.4\r\n` +
  `accept-encoding: ${encoding}\r\nconnection: close\r\n\r\n`
/** Seldom enough that answering no costs whoever starts next to nothing. */
const PERSIST_EVERY_MS = 20

let isOver = false
if (count === undefined) process.stdin.resume().once('end', () => (isOver = true))

const durationsMs = []
let bytes = 0
const cpuBefore = process.cpuUsage()
const startedMs = performance.now()
await Promise.all(Array.from({ length: scrapers }, scraper))
const { user, system } = process.cpuUsage(cpuBefore)
process.stdout.write(
  `${JSON.stringify({
    durationsMs,
    bytes: bytes / durationsMs.length,
    seconds: (performance.now() - startedMs) / 1000,
    endedAtMs: performance.timeOrigin + performance.now(),
    cpuSeconds: (user + system) / 1e6,
  })}\n`,
)
process.exit()

async function scraper() {
  for (let n = 0; n < (count ?? Number.POSITIVE_INFINITY) && !isOver; n++) {
    const sentMs = performance.now()
    const received = await untilThere()
    bytes += received
    durationsMs.push(performance.now() - sentMs)
  }
}

async function untilThere() {
  for (;;) {
    try {
      return await scrape()
    } catch (reason) {
      if (!persist) throw reason
      await sleep(PERSIST_EVERY_MS)
    }
  }
}

/** Resolves with the bytes of the body; rejects unless it is a complete 200. */
function scrape() {
  return new Promise((resolve, reject) => {
    let received = 0
    let head
    /** What a chunked body has to end with. */
    let tail = ''
    const onread = {
      buffer: Buffer.allocUnsafe(256 * 1024),
      callback(length, buffer) {
        if (head === undefined) head = headOf(buffer.toString('latin1', 0, length))
        received += length
        tail = (tail + buffer.toString('latin1', Math.max(0, length - 5), length)).slice(-5)
        return true
      },
    }
    const socket = connect({ host: hostname, port: Number(port), onread })
    socket.on('connect', () => socket.write(REQUEST))
    socket.on('error', reject)
    socket.on('close', () => {
      if (head?.status !== 200) return reject(new Error(`answered ${head?.status}`))
      const body = received - head.bytes
      const isWhole = head.length === undefined ? tail === '0\r\n\r\n' : body === head.length
      return isWhole ? resolve(body) : reject(new Error('answered with a part of a page'))
    })
  })
}

function headOf(text) {
  const bytes = text.indexOf('\r\n\r\n') + 4
  const length = /^content-length: (\d+)/im.exec(text.slice(0, bytes))?.[1]
  return { status: Number(text.slice(9, 12)), bytes, length: length && Number(length) }
}
