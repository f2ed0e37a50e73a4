import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const DIST = fileURLToPath(new URL('../dist/', import.meta.url))
const OUT = join(DIST, 'bundle')

/** Packages that are no ES modules. To import them Node would have to look through their text for what they export. */
const REQUIRED = [
  '@oclif/core/args',
  '@oclif/core/command',
  '@oclif/core/errors',
  '@oclif/core/flags',
  '@oclif/core/run',
  '@oclif/core/settings',
  '@opentelemetry/otlp-transformer',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  'fastify',
  'ioredis',
  'pino',
  'prom-client',
  'protobufjs/minimal.js',
  'snappyjs',
]
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u
const PREFIX = '\0required:'
const require = createRequire(import.meta.url)

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
        name: 'packages-are-required',
        enforce: 'pre',
        resolveId(id) {
          return REQUIRED.includes(id) ? PREFIX + id : undefined
        },
        load(id) {
          return id.startsWith(PREFIX) ? requiring(id.slice(PREFIX.length)) : undefined
        },
      },
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

/** A module that exports what a package does. */
function requiring(name) {
  const names = Object.keys(require(name)).filter((each) => IDENTIFIER.test(each) && each !== 'default')
  return [
    `import { createRequire } from 'node:module'`,
    `const required = createRequire(import.meta.url)(${JSON.stringify(name)})`,
    'export default required',
    ...names.map((each) => `export const ${each} = required.${each}`),
  ].join('\n')
}
