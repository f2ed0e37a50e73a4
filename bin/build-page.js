import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SRC = join(ROOT, 'src/page')
const OUT = join(ROOT, 'dist/page')

/** What the newest browsers of three years ago read; `light-dark()` is the youngest thing that is used. */
const TARGET = ['chrome123', 'firefox121', 'safari17.5']

/**
 * Bundles the status page from `src/page` into `dist/page`: names with hashes, beside each file a compressed one, and
 * the licences of the packages that are in it. Rejects with what is wrong with the source.
 */
export async function buildPage() {
  // Fetched when there is something to bundle: whoever only asks does not wait for it.
  const { build } = await import('vite')
  const packages = new Set()
  await build({
    root: SRC,
    configFile: false,
    // Wherever the page is served, its files are beside it.
    base: './',
    logLevel: 'warn',
    build: {
      outDir: OUT,
      emptyOutDir: true,
      target: TARGET,
      cssTarget: TARGET,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
    plugins: [
      {
        name: 'packages-in-bundle',
        generateBundle(_options, bundle) {
          for (const { moduleIds = [] } of Object.values(bundle))
            for (const id of moduleIds) if (id.includes('/node_modules/')) packages.add(packageOf(id))
        },
      },
    ],
  })
  writeFileSync(join(OUT, 'LICENSES.txt'), licences([...packages].sort()))
  for (const path of filesIn(OUT)) writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }))
}

export function removePage() {
  rmSync(OUT, { recursive: true, force: true })
}

/** Whether the page was built after all of its sources, and what else it is made from, were last changed. */
export function isPageFresh(inputs) {
  const built = join(OUT, 'LICENSES.txt.gz')
  if (!existsSync(built)) return false
  const builtAtMs = statSync(built).mtimeMs
  return [...inputs, ...filesIn(SRC)].every((path) => statSync(path).mtimeMs < builtAtMs)
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** The folder that a bundled module's package lies in. */
function packageOf(id) {
  const [, folder] = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(id) ?? []
  return folder ?? dirname(id)
}

function licences(folders) {
  const texts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry))
    if (file === undefined) throw new Error(`${name} is bundled into the page and has no licence text`)
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
  })
  return `The status page contains the following packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`
}
