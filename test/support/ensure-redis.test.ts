import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder } from './child.ts'

const SCRIPT = fileURLToPath(new URL('ensure-redis.mjs', import.meta.url))

const folders: string[] = []
afterEach(() => {
  folders.splice(0).map(removeFolder)
})

/** Runs it where PATH has these programs and no others. */
function run(programs: Record<string, string>) {
  const bin = makeFolder('path')
  folders.push(bin)
  mkdirSync(bin, { recursive: true })
  symlinkSync('/bin/sh', join(bin, 'sh'))
  for (const [name, output] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho '${output}'\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT], {
    env: { PATH: bin },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe('before the tests', () => {
  it.each([
    [
      'Redis',
      'redis-server',
      'Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc',
      'tests use redis-server 7.0.15\n',
    ],
    [
      'Valkey',
      'valkey-server',
      'Server v=8.1.1 sha=00000000:0 malloc=jemalloc',
      'tests use valkey-server 8.1.1\n',
    ],
  ])('%s is found', (_name, program, version, message) => {
    expect(run({ [program]: version })).toEqual({ status: 0, stdout: '', stderr: message })
  })

  it.each([
    ['no server', {}],
    ['one that is too old', { 'redis-server': 'Redis server v=6.2.7 sha=00000000:0' }],
  ])('%s stops with one command to run', (_why, programs) => {
    const { status, stderr } = run(programs)
    expect(status).toBe(1)
    const indented = stderr.split('\n').filter((line) => line.startsWith('  '))
    expect(indented).toHaveLength(1)
    expect(indented[0]).toMatch(/install|apk add|pacman|redis-stable/)
  })
})
