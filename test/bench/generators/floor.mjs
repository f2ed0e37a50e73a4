/**
 * What Node can do at all: a bare `node:http` server that reads a body and answers 200; at once, or, when it is told the
 * port of a Redis, once a SET has put the body there under the path.
 */
import { createServer } from 'node:http'

const [port, redisPort] = process.argv.slice(2).map(Number)

createServer(redisPort === undefined ? answerAtOnce : await makeStoring()).listen(port, '127.0.0.1')

function answerAtOnce(request, response) {
  request.resume()
  request.once('end', () => response.end())
}

async function makeStoring() {
  const { Redis } = await import('ioredis')
  // What is asked for in one turn of the event loop leaves together, which is the fastest that ioredis has.
  const redis = new Redis({ host: '127.0.0.1', port: redisPort, enableAutoPipelining: true })
  return (request, response) => {
    const pieces = []
    request.on('data', (piece) => pieces.push(piece))
    request.once('end', async () => {
      await redis.set(request.url, Buffer.concat(pieces))
      response.end()
    })
  }
}
