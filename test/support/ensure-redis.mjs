/**
 * Runs before the tests: they need a Redis or Valkey server program. Finds one, or installs it where that is possible
 * without asking anybody, or names the one command that does.
 */
import { existsSync, readFileSync } from 'node:fs'
import { aptInstall, canInstall } from './apt-install.mjs'
import { findRedis, OLDEST_MAJOR, REDIS_NAMES } from './find-redis.mjs'

const FROM_SOURCE =
  'curl -fsSL https://download.redis.io/redis-stable.tar.gz | tar xz && make -C redis-stable redis-server && export PATH="$PWD/redis-stable/src:$PATH"'

/** By the `ID` and `ID_LIKE` of /etc/os-release, first match wins. */
const COMMANDS = [
  ['debian', 'sudo apt-get install -y redis-server'],
  ['ubuntu', 'sudo apt-get install -y redis-server'],
  ['fedora', 'sudo dnf install -y valkey'],
  ['alpine', 'sudo apk add valkey'],
  ['arch', 'sudo pacman -S --noconfirm valkey'],
  ['suse', 'sudo zypper install -y valkey'],
]

if (findRedis() === undefined && canInstall()) {
  say(
    'the tests need a Redis server and there is none; installing the package redis-server (no service is started)',
  )
  aptInstall(['redis-server'])
}

const found = findRedis()
if (found === undefined) {
  say(
    `the tests need ${REDIS_NAMES.join(' or ')} ${OLDEST_MAJOR} or newer on PATH. To get it, run:\n\n  ${command()}\n`,
  )
  process.exit(1)
}
say(`tests use ${found.path} ${found.version}`)

function command() {
  if (process.platform === 'darwin') return 'brew install redis'
  const file = '/etc/os-release'
  const system = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const ids = system.match(/^ID(_LIKE)?=.*$/gm)?.join(' ') ?? ''
  return COMMANDS.find(([id]) => ids.includes(id))?.[1] ?? FROM_SOURCE
}

function say(text) {
  process.stderr.write(`${text}\n`)
}
