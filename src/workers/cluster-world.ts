import type { ChildProcess } from 'node:child_process'
import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { PoolWorld } from './pool.ts'

/**
 * Workers as processes of node:cluster: what they listen on is opened once, by this process, and connections are dealt out
 * to them in turns, past those that are busy. `relay` gets what they write to standard error, in whole lines.
 */
export function makeClusterWorld(relay: (lines: string) => void): PoolWorld {
  const running = new Set<Worker>()
  // Not left to the kernel, where whoever is quickest takes all that wait, and few connections that stay are with few workers.
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./worker.js', import.meta.url)),
    args: [],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  // However this process ends, nobody is left behind; of a SIGKILL they learn by the channel that closes.
  process.once('exit', () => {
    for (const worker of running) worker.process.kill('SIGKILL')
  })

  return {
    fork({ message, exit }) {
      const worker = cluster.fork()
      running.add(worker)
      const { process: child } = worker
      const takeBack = watchHandOver(child)
      child.stderr?.setEncoding('utf8').on('data', inLines(relay))
      const send = (given: unknown) => child.connected && child.send(given as object, () => {})
      // What is sent before a process listens is lost; its first message says that it does, and nothing else.
      let early: unknown[] | undefined = []
      worker.on('message', (given: unknown) => {
        if (early === undefined) return message(given)
        for (const waiting of early) send(waiting)
        early = undefined
      })
      // A message that cannot be delivered is followed by the end.
      worker.on('error', () => {})
      child.once('exit', (code, signal) => {
        running.delete(worker)
        takeBack()
        const end = () => exit(signal ?? `exit code ${code}`)
        // What it wrote at last comes before the word that it is gone.
        if (child.stderr === null || child.stderr.closed) end()
        else child.stderr.once('close', end)
      })
      return {
        pid: child.pid ?? -1,
        send: (given) => (early === undefined ? send(given) : early.push(given)),
        disconnect: () => child.connected && child.disconnect(),
        kill: () => child.kill('SIGKILL'),
      }
    },
    after(ms, act) {
      const timer = setTimeout(act, ms)
      return () => clearTimeout(timer)
    },
    nowMs: () => performance.now(),
  }
}

/**
 * A connection that was on its way to a worker that died is forgotten by Node, and its client would wait for an answer until
 * it gives up. Returns what closes it; one that was handed over already is closed here in any case.
 */
function watchHandOver(child: ChildProcess): () => void {
  const send = child.send as (...args: unknown[]) => boolean
  let latest: { close(): void } | undefined
  child.send = (...args: unknown[]) => {
    const [, handle] = args
    if (typeof handle === 'object' && handle !== null && 'close' in handle) latest = handle as typeof latest
    return send.apply(child, args)
  }
  return () => latest?.close()
}

/** Holds back the beginning of a line until its end is there. */
function inLines(relay: (lines: string) => void): (text: string) => void {
  let rest = ''
  return (text) => {
    const end = text.lastIndexOf('\n') + 1
    if (end > 0) relay(rest + text.slice(0, end))
    rest = end > 0 ? text.slice(end) : rest + text
  }
}
