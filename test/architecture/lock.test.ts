import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const LOCK = new URL('../../package-lock.json', import.meta.url)
const { packages } = JSON.parse(readFileSync(LOCK, 'utf8')) as { packages: Record<string, LockedPackage> }

it('the lock names the binaries of every platform, without which npm ci refuses to install', () => {
  const optional = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => ({ path, name })),
  )
  expect(optional.length).toBeGreaterThan(20)
  const isLocked = ({ path, name }: { path: string; name: string }): boolean =>
    `node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages
  expect(optional.filter((each) => !isLocked(each))).toEqual([])
})
