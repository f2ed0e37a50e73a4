import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { type Child, makeFolder, removeFolder, startChild } from './child.ts'
import { eventually } from './eventually.ts'

const CHILD_MODULE = fileURLToPath(new URL('child.ts', import.meta.url))
const started: Child[] = []
const folders: string[] = []

function start(script: string): Child {
  const child = startChild({ name: 'example', command: process.execPath, args: ['-e', script] })
  started.push(child)
  return child
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.kill()))
  folders.splice(0).map(removeFolder)
})

describe('a child', () => {
  it('shows what it wrote and how it ended', async () => {
    const child = start('console.log("out"); console.error("err"); process.exit(3)')
    expect(await child.exited).toEqual({ code: 3, signal: null })
    expect([child.stdout(), child.stderr()]).toEqual(['out\n', 'err\n'])
  })

  it('fails the wait at once, with its output, when it ends instead of becoming ready', async () => {
    const child = start('console.error("port taken"); process.exit(1)')
    await expect(child.until('is ready', () => false)).rejects.toThrow(
      /example ended \(1\) before it is ready.*port taken/s,
    )
  })

  it('fails the stop of a program that ignores SIGTERM, and kills it', async () => {
    const child = start('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")')
    await child.until('is up', () => child.stdout() === 'up\n')
    await expect(child.stop(100)).rejects.toThrow(/example was still running 100 ms after SIGTERM/)
    expect((await child.exited).signal).toBe('SIGKILL')
  })

  it('stops a frozen program', async () => {
    const child = start('setInterval(() => {}, 1000); console.log("up")')
    await child.until('is up', () => child.stdout() === 'up\n')
    child.freeze()
    expect((await child.stop()).signal).toBe('SIGTERM')
  })

  it('says so when the program does not exist', async () => {
    const child = startChild({ name: 'nothing', command: '/nonexistent/program', args: [] })
    await expect(child.until('is ready', () => false)).rejects.toThrow(/ENOENT/)
  })

  it('ends, with its folder, when the process that started it is killed', async () => {
    const folder = makeFolder('leash')
    folders.push(folder)
    // Plain JavaScript, because the oldest supported Node cannot run TypeScript.
    const source = join(makeFolder('leash-parent'), 'parent.mjs')
    folders.push(join(source, '..'))
    writeFileSync(source, parentSource(folder))
    const parent = startChild({ name: 'parent', command: process.execPath, args: [source] })
    started.push(parent)
    await parent.until('has a child', () => /^\d+\n$/.test(parent.stdout()))
    const pid = Number(parent.stdout())
    expect(isThere(pid)).toBe(true)

    await parent.kill()

    await eventually('the child is gone', () => !isThere(pid))
    await eventually('its folder is gone', () => !existsSync(folder))
  })
})

/** Bundling what vitest compiles for us on the fly: types are cut out of child.ts and what it imports. */
function parentSource(folder: string): string {
  const strip = `
import ts from ${JSON.stringify(import.meta.resolve('typescript'))}
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
const from = ${JSON.stringify(CHILD_MODULE)}
const to = dirname(process.argv[1])
const options = { module: 'esnext', target: 'es2023', rewriteRelativeImportExtensions: true, verbatimModuleSyntax: true }
for (const name of ['child', 'eventually']) {
  const source = readFileSync(join(dirname(from), name + '.ts'), 'utf8')
  writeFileSync(join(to, name + '.js'), ts.transpileModule(source, { compilerOptions: options }).outputText)
}
writeFileSync(join(to, 'package.json'), '{"type":"module"}')
const { startChild } = await import(join(to, 'child.js'))
`
  return `${strip}
const child = startChild({ name: 'grandchild', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'], folder: ${JSON.stringify(folder)} })
console.log(child.pid)
setInterval(() => {}, 1000)
`
}

function isThere(pid: number): boolean {
  return spawnSync('kill', ['-0', String(pid)]).status === 0
}
