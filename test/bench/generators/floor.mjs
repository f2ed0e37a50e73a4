/** What Node can do at all: a bare `node:http` server that reads a body and answers 200 at once. */
import { createServer } from 'node:http'

createServer((request, response) => {
  request.resume()
  request.once('end', () => response.end())
}).listen(Number(process.argv[2]), '127.0.0.1')
