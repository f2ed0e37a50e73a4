import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const DIST = fileURLToPath(new URL('../dist/', import.meta.url))
const OUT = join(DIST, 'bundle')

/**
 * Puts what the command line is compiled to together, into a few files in `dist/bundle`: to find and link three hundred
 * modules takes longer than to compile them. Packages stay outside. Rejects with what is wrong with `dist`.
 */
export async function bundleCommands() {
  const { build } = await import('vite')
  await build({
    root: DIST,
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    build: {
      ssr: true,
      outDir: OUT,
      emptyOutDir: true,
      minify: false,
      target: 'node20',
      rolldownOptions: {
        input: { main: join(DIST, 'cli/main.js'), commands: join(DIST, 'cli/commands.js') },
        output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      },
    },
    plugins: [
      {
        name: 'files-stay-where-they-are',
        /** What a module reads or starts beside itself is not beside the bundle. */
        transform(code, id) {
          if (!id.startsWith(DIST) || !code.includes('import.meta.url')) return undefined
          const own = `new URL(${JSON.stringify(relative(OUT, id))}, import.meta.url).href`
          return code.replaceAll('import.meta.url', own)
        },
      },
    ],
  })
}
