/**
 * Who may import whom; see docs/architecture.md for what each room is. `npm run rooms` checks it, and rooms.test.ts
 * proves with one breach per rule that the check still bites.
 */

/** A room missing from a list is a room it must not know. */
const rooms = {
  errors: [],
  model: ['errors'],
  wire: ['errors'],
  telemetry: ['errors'],
  config: ['model', 'errors'],
  formats: ['model', 'wire', 'errors'],
  store: ['model', 'wire', 'errors', 'telemetry'],
  gateway: ['model', 'formats', 'store', 'errors', 'telemetry'],
  http: ['gateway', 'formats', 'wire', 'model', 'errors', 'telemetry'],
  client: ['model', 'formats', 'wire', 'errors'],
  migrate: ['client', 'formats', 'model', 'errors'],
  workers: ['app', 'announce', 'config', 'telemetry', 'errors'],
  page: [],
  cli: ['app', 'workers', 'migrate', 'client', 'config', 'formats', 'model', 'errors'],
}

/** Which outside package may be named in which rooms; a package missing here is at home nowhere. */
const homes = {
  fastify: ['http'],
  ioredis: ['store/redis', 'migrate'],
  protobufjs: ['wire', 'formats'],
  pino: ['telemetry'],
  'prom-client': ['telemetry'],
  '@oclif/core': ['cli'],
  yaml: ['config'],
  bcryptjs: ['http', 'cli'],
  re2js: ['model'],
  snappyjs: ['client'],
  preact: ['page'],
  '@preact/signals': ['page'],
  uplot: ['page'],
  '@opentelemetry/otlp-transformer': ['client'],
  '@opentelemetry/sdk-metrics': ['client'],
  '@opentelemetry/resources': ['client'],
}

const stayInRoom = Object.entries(rooms).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: `${room} may import only: ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [`^src/${room}/`, ...allowed.map((name) => `^src/${name}(/|\\.ts$)`)] },
}))

const stayHome = Object.entries(homes).map(([name, where]) => ({
  name: `home-of-${name.replace(/^@/, '').replace(/\W+/g, '-')}`,
  comment: `${name} is known in ${where.join(' and ')} alone`,
  severity: 'error',
  from: { path: '^src/', pathNot: where.map((home) => `^src/${home}/`) },
  to: { path: `node_modules/${name}/` },
}))

module.exports = {
  forbidden: [
    ...stayInRoom,
    ...stayHome,
    {
      name: 'packages-have-homes',
      comment: 'an outside package is listed above before src imports it',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: 'node_modules/', pathNot: Object.keys(homes).map((name) => `node_modules/${name}/`) },
    },
    {
      name: 'src-stands-alone',
      comment: 'what is shipped knows nothing of tests, examples and built files',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|examples|bin|dist)/' },
    },
    {
      name: 'doors-only',
      comment: 'one format or store enters another through its index.ts',
      severity: 'error',
      from: { path: '^src/(formats|store)/([^/]+)/' },
      to: { path: '^src/(formats|store)/[^/]+/', pathNot: ['^src/$1/$2/', '/index\\.ts$'] },
    },
    {
      name: 'doors-only-from-outside',
      comment: 'every other room enters them the same way',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(formats|store)/[^/]+/' },
      to: { path: '^src/(formats|store)/[^/]+/', pathNot: '/index\\.ts$' },
    },
    {
      name: 'contract-only',
      comment: 'use-cases know the store contract, never a store',
      severity: 'error',
      from: { path: '^src/gateway/' },
      to: { path: '^src/store/', pathNot: '^src/store/store\\.ts$' },
    },
    {
      name: 'telemetry-by-type',
      comment: 'these rooms are handed a tell(); they do not reach for one',
      severity: 'error',
      from: { path: '^src/(store|gateway)/' },
      to: { path: '^src/telemetry/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'app-on-top',
      comment: 'the composition root is entered by the command line, workers and the public face',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', '^src/workers/', '^src/index\\.ts$'] },
      to: { path: '^src/app\\.ts$' },
    },
    {
      name: 'cli-on-top',
      comment: 'nothing reaches up to the command line',
      severity: 'error',
      from: { path: '^src/(app|index)\\.ts$' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'one-process',
      comment: 'a single process is started without anything of several',
      severity: 'error',
      from: { path: '^src/(app|index)\\.ts$' },
      to: { path: '^src/workers/' },
    },
    {
      name: 'supervisor-serves-nothing',
      comment: 'of the processes that serve together, workers alone are servers',
      severity: 'error',
      from: { path: '^src/workers/', pathNot: '^src/workers/worker\\.ts$' },
      to: { path: '^src/app\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing-is-missing',
      comment: 'an import that leads nowhere would escape every rule above',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    { name: 'no-cycles', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
    },
  },
}
