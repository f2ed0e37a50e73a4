import { spawnSync } from 'node:child_process'

export const REDIS_NAMES = ['redis-server', 'valkey-server']
export const OLDEST_MAJOR = 7

/** Plain JavaScript, because it also runs before anything is compiled. */
export function findRedis() {
  for (const path of REDIS_NAMES) {
    const { stdout, status } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    const version = status === 0 ? /v=(\d+[\d.]*)/.exec(stdout)?.[1] : undefined
    if (version !== undefined && Number.parseInt(version, 10) >= OLDEST_MAJOR) return { path, version }
  }
  return undefined
}
