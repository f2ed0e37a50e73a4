import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'

/** Programs with these clients; what they need is fetched when they are first run. */
const CLIENT_GO = fileURLToPath(new URL('../clients/go', import.meta.url))
const COLLECTOR = fileURLToPath(new URL('../clients/collector', import.meta.url))
const CLIENT_JAVA = fileURLToPath(new URL('../clients/java/pom.xml', import.meta.url))

interface Known {
  /** Tried in this order. */
  readonly commands: readonly string[]
  /** Must end with 0, and print the version, for a command to count as this peer. */
  readonly args: readonly string[]
}

/**
 * Programs that some tests run pgr against. None is needed for a green run; a missing one is named, and the tests it
 * would have taken part in are counted, in the summary.
 */
const KNOWN = {
  prometheus: { commands: ['prometheus'], args: ['--version'] },
  /** One that sends remote write 2.0: no distribution has it yet. */
  prometheus3: { commands: [process.env['PGR_TEST_PROMETHEUS3'] ?? 'prometheus3'], args: ['--version'] },
  promtool: { commands: ['promtool'], args: ['--version'] },
  pushgateway: { commands: ['prometheus-pushgateway', 'pushgateway'], args: ['--version'] },
  client_python: {
    commands: ['python3', '/usr/bin/python3'],
    args: [
      '-c',
      "from importlib.metadata import version; import prometheus_client; print(version('prometheus_client'))",
    ],
  },
  python3: { commands: ['python3', '/usr/bin/python3'], args: ['--version'] },
  go: { commands: ['go'], args: ['version'] },
  client_golang: { commands: ['go'], args: ['-C', CLIENT_GO, 'run', '.', '--version'] },
  collector: { commands: ['go'], args: ['-C', COLLECTOR, 'run', '.', '--version'] },
  client_java: {
    commands: ['mvn'],
    args: ['-B', '-f', CLIENT_JAVA, 'dependency:build-classpath'],
  },
  'redis-cli': { commands: ['redis-cli', 'valkey-cli'], args: ['--version'] },
  openssl: { commands: ['openssl'], args: ['version'] },
  chromium: {
    commands: [process.env['PGR_CHROMIUM'] ?? 'chromium', 'chromium-headless-shell', 'google-chrome'],
    args: ['--version'],
  },
  curl: { commands: ['curl'], args: ['--version'] },
  bash: { commands: ['bash'], args: ['--version'] },
  zsh: { commands: ['zsh'], args: ['--version'] },
  fish: { commands: ['fish'], args: ['--version'] },
  /** That of util-linux, which gives a program a terminal. */
  script: { commands: ['script'], args: ['--version'] },
  jq: { commands: ['jq'], args: ['--version'] },
} as const satisfies Record<string, Known>

export type PeerName = keyof typeof KNOWN

export interface Peer {
  /** What to run; for client_python the interpreter that has it. */
  readonly path: string
  readonly version: string
  /** What it wrote when it was looked at. */
  readonly output: string
}

/** Building a client takes its time when its modules have to be fetched. */
const LOOK_TIMEOUT_MS = 240_000

export const PEER_NAMES = Object.keys(KNOWN) as PeerName[]

const found = new Map<PeerName, Peer | undefined>()

/** Looks a peer up, once per test file. */
export function peer(name: PeerName): Peer | undefined {
  if (!found.has(name)) found.set(name, look(KNOWN[name]))
  return found.get(name)
}

/** For code that runs only inside `describeWith`. */
export function peerOrThrow(name: PeerName): Peer {
  const there = peer(name)
  if (there === undefined) throw new Error(`${name} was not found: ${KNOWN[name].commands.join(', ')}`)
  return there
}

function look({ commands, args }: Known): Peer | undefined {
  for (const path of commands) {
    const { status, stdout, stderr } = spawnSync(path, args, { encoding: 'utf8', timeout: LOOK_TIMEOUT_MS })
    if (status !== 0) continue
    return { path, version: /\d+(\.\d+)+/.exec(stdout + stderr)?.[0] ?? 'unknown', output: stdout }
  }
  return undefined
}

/** Names in `PGR_TEST_REQUIRE`, separated by commas; an unknown one is an error, or it would require nothing. */
export function requiredPeers(env: NodeJS.ProcessEnv = process.env): ReadonlySet<PeerName> {
  const { PGR_TEST_REQUIRE: wanted = '' } = env
  const names = wanted
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  for (const name of names) {
    if (!(PEER_NAMES as string[]).includes(name)) {
      throw new Error(`PGR_TEST_REQUIRE names "${name}"; known are ${PEER_NAMES.join(', ')}`)
    }
  }
  return new Set(names as PeerName[])
}

/** How the summary knows for want of what a test was skipped. */
const MARK = /\[needs ([^\]]+)\]/

/** The peer that was missing, read from the full name of a skipped test. */
export function missingPeerOf(fullName: string): string | undefined {
  return MARK.exec(fullName)?.[1]
}

/** A `describe` that needs a peer: skipped by name when it is missing, or failed when `PGR_TEST_REQUIRE` names it. */
export function describeWith(name: PeerName, title: string, tests: () => void): void {
  if (peer(name) !== undefined) {
    describe(title, tests)
  } else if (requiredPeers().has(name)) {
    describe(title, () => {
      it(`finds ${name}, which PGR_TEST_REQUIRE names`, () => {
        peerOrThrow(name)
      })
    })
  } else {
    describe.skip(`${title} [needs ${name}]`, tests)
  }
}
