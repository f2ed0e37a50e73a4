import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const pages = ['', 'docs', 'docs/adr', '.github'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
)

it.each(pages)('every link of %s to a file leads somewhere', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const targets = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target ?? '')
  const files = targets.filter((target) => !/^[a-z]+:/.test(target))
  expect(files.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([])
})

it('the pages were found', () => {
  expect(pages).toEqual(
    expect.arrayContaining(['README.md', 'docs/getting-started.md', 'docs/architecture.md']),
  )
})
