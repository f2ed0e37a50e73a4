import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Below the range from which the system takes the ports of outgoing connections, and so that the bus port of a Redis
 * Cluster node (10,000 higher) is below it, too: a port found free stays free until its program is started.
 */
const FIRST_PORT = 12_000
const PORTS = 10_000

const CLAIMS = join(tmpdir(), 'pgr-test-ports')

/** A loopback port that nothing listens on and that no other test process is given while this one runs. */
export async function freePort(): Promise<number> {
  mkdirSync(CLAIMS, { recursive: true })
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    if (claim(port) && (await isFree(port)) && (await isFree(port + PORTS))) return port
  }
  throw new Error(
    `no free port found between ${FIRST_PORT} and ${FIRST_PORT + PORTS}; are old test processes left?`,
  )
}

/** Several distinct ones. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}

const claimed = new Set<string>()

process.on('exit', () => {
  for (const file of claimed) removeIfThere(file)
})

/** A file per port, created exclusively; one whose owner is gone is taken over. */
function claim(port: number): boolean {
  const file = join(CLAIMS, String(port))
  if (claimed.has(file)) return false
  if (!createExclusively(file)) {
    if (isAlive(Number(readIfThere(file)))) return false
    removeIfThere(file)
    if (!createExclusively(file)) return false
  }
  claimed.add(file)
  return true
}

function createExclusively(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch {
    // Someone else tidied up.
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
