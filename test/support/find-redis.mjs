import { spawnSync } from 'node:child_process'

export const REDIS_NAMES = ['redis-server', 'valkey-server']
export const OLDEST_MAJOR = 7

/**
 * The server that tests run on: the one that PGR_TEST_REDIS names, or else the first on PATH that is new enough. Plain
 * JavaScript, because it also runs before anything is compiled.
 */
export function findRedis() {
  const wanted = process.env['PGR_TEST_REDIS']
  for (const path of wanted ? [wanted] : REDIS_NAMES) {
    const { stdout, status } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    const version = status === 0 ? /v=(\d+[\d.]*)/.exec(stdout)?.[1] : undefined
    if (version !== undefined && Number.parseInt(version, 10) >= OLDEST_MAJOR) return { path, version }
  }
  return undefined
}
