import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { findRedis } from '../../support/find-redis.mjs'
import { peer } from '../../support/peers.ts'
import { closedGenerator } from './generators.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** What figures depend on. */
export interface Machine {
  readonly cores: number
  readonly cpu: string
  readonly memoryBytes: number
  readonly kernel: string
  /** By name, the version of every program that takes part. */
  readonly programs: Readonly<Record<string, string>>
  /** What makes the closed loops of pushes. */
  readonly generator: string
}

export function lookAtMachine(): Machine {
  const [first] = cpus()
  const peers = (['pushgateway', 'prometheus', 'prometheus3'] as const).flatMap((name) => {
    const version = peer(name)?.version
    return version === undefined ? [] : [[name, version] as const]
  })
  return {
    cores: cpus().length,
    cpu: first?.model ?? 'unknown',
    memoryBytes: totalmem(),
    kernel: release(),
    programs: {
      pgr: commit(),
      node: process.version,
      redis: findRedis()?.version ?? 'unknown',
      ...Object.fromEntries(peers),
    },
    generator: closedGenerator(),
  }
}

/** The commit, with a word where something differs from it; the version where there is no history. */
function commit(): string {
  try {
    const git = (...args: readonly string[]) =>
      execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return git('describe', '--always', '--abbrev=10', '--exclude=*', '--dirty=, changed')
  } catch {
    return (JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string }).version
  }
}
