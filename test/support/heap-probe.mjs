import { createServer } from 'node:http'
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { isMainThread } from 'node:worker_threads'

/**
 * Preloaded into a program (`node --import`): tells on a port of its own how many bytes its heap and what lies outside
 * of it hold, and how often was collected so far. `GET /?collect` collects first. Without a collection in between the
 * difference of two answers is what was allocated.
 */
let collections = 0
new PerformanceObserver((list) => {
  collections += list.getEntries().length
}).observe({ entryTypes: ['gc'] })

const server = createServer((request, response) => {
  // Buffers of the first collection are let go of by a thread, at the latest with the second.
  if (request.url === '/?collect') for (let n = 0; n < 2; n++) globalThis.gc()
  // Observers hear of a collection in a later turn.
  setImmediate(() =>
    setImmediate(() => {
      const { used_heap_size: heap } = getHeapStatistics()
      const { arrayBuffers: external } = process.memoryUsage()
      response.end(JSON.stringify({ heap, external, collections }))
    }),
  )
})
// Threads of the program preload it too.
if (isMainThread) server.listen(Number(process.env.HEAP_PROBE_PORT), '127.0.0.1')
server.unref()
