#!/usr/bin/env node
/**
 * Builds `dist/` from `src/`: compiles, copies what the compiler leaves behind (Lua scripts and the like), and removes
 * what no source stands behind any more.
 *
 *   node bin/build.js              build
 *   node bin/build.js --if-stale   only when a source is newer than the last good build
 *   node bin/build.js --clean      from nothing, as for a package
 */
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SRC = join(ROOT, 'src')
const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.built')
const INPUTS = ['package.json', 'tsconfig.json', 'bin/build.js'].map((name) => join(ROOT, name))

const [mode] = process.argv.slice(2)
if (mode === '--if-stale' && isFresh()) process.exit(0)
if (mode === '--clean') rmSync(DIST, { recursive: true, force: true })

const startedAt = new Date()
process.stderr.write('building dist/ …\n')
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [compiler, '-p', SRC], { stdio: ['ignore', 2, 2] })
for (const path of filesIn(SRC)) if (!isCompiled(path)) copy(path)
for (const path of filesIn(DIST)) if (!hasSource(path)) rmSync(join(DIST, path))
// Dated to the start, so that a file saved meanwhile counts as newer.
if (status === 0) writeFileSync(STAMP, `${startedAt.toISOString()}\n`)
process.exit(status ?? 1)

function isFresh() {
  if (!existsSync(STAMP)) return false
  const builtAtMs = Date.parse(readStamp())
  return [...INPUTS, ...filesIn(SRC).map((path) => join(SRC, path))].every(
    (path) => statSync(path).mtimeMs < builtAtMs,
  )
}

function readStamp() {
  return readFileSync(STAMP, 'utf8').trim()
}

/** Paths of all files below a folder, relative to it. */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

function isCompiled(path) {
  return path.endsWith('.ts') || path === 'tsconfig.json'
}

function copy(path) {
  mkdirSync(dirname(join(DIST, path)), { recursive: true })
  copyFileSync(join(SRC, path), join(DIST, path))
}

function hasSource(path) {
  if (path.startsWith('.')) return true
  return existsSync(join(SRC, path)) || existsSync(join(SRC, path.replace(/(\.d\.ts|\.js)$/, '.ts')))
}
