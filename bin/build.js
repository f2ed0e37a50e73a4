#!/usr/bin/env node
/**
 * Builds `dist/` from `src/`: compiles, copies what the compiler leaves behind (Lua scripts and the like), bundles the
 * commands and the status page, and removes what no source stands behind any more.
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
import { bundleCommands } from './build-bundle.js'
import { buildPage, isPageFresh, removePage } from './build-page.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SRC = join(ROOT, 'src')
const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.built')
const INPUTS = [
  'package.json',
  'tsconfig.json',
  'bin/build.js',
  'bin/build-bundle.js',
  'bin/build-page.js',
].map((name) => join(ROOT, name))

const [mode] = process.argv.slice(2)
if (mode === '--if-stale' && isFresh()) process.exit(0)
if (mode === '--clean') rmSync(DIST, { recursive: true, force: true })

const startedAt = new Date()
process.stderr.write('building dist/ …\n')
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [compiler, '-p', SRC], { stdio: ['ignore', 2, 2] })
for (const path of filesIn(SRC)) if (!isCompiled(path)) copy(path)
for (const path of filesIn(DIST)) if (!hasSource(path)) rmSync(join(DIST, path))
if (status === 0) await bundleCommands()
const isPageThere = status === 0 && (await pageIsBuilt())
// Dated to the start, so that a file saved meanwhile counts as newer.
if (isPageThere) writeFileSync(STAMP, `${startedAt.toISOString()}\n`)
process.exit(status === 0 && !isPageThere ? 1 : (status ?? 1))

/** Bundling takes longer than it does to see that there is nothing to bundle. */
async function pageIsBuilt() {
  if (isPageFresh(INPUTS)) return true
  try {
    await buildPage()
    return true
  } catch (reason) {
    // Half a page must not pass for one.
    removePage()
    process.stderr.write(`${reason instanceof Error ? reason.message : reason}\n`)
    return false
  }
}

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
  return isOfPage(path) || path.endsWith('.ts') || path === 'tsconfig.json'
}

function isOfPage(path) {
  return path.startsWith('page/')
}

function copy(path) {
  mkdirSync(dirname(join(DIST, path)), { recursive: true })
  copyFileSync(join(SRC, path), join(DIST, path))
}

function hasSource(path) {
  if (path.startsWith('.') || path.startsWith('bundle/') || isOfPage(path)) return true
  return existsSync(join(SRC, path)) || existsSync(join(SRC, path.replace(/(\.d\.ts|\.js)$/, '.ts')))
}
