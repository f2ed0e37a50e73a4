#!/usr/bin/env node
/**
 * Installs Debian packages for tests, without letting a single service start.
 *
 *   node test/support/apt-install.mjs prometheus redis-server
 *
 * Only as root on Debian and its kin; never asks for more rights than it has. Ends with 0 when all are installed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** Asked by package scripts before they start a service; 101 means "not allowed". */
const POLICY = '/usr/sbin/policy-rc.d'

export function canInstall() {
  return process.getuid?.() === 0 && isDebian() && spawnSync('apt-get', ['--version']).status === 0
}

/** Whether all packages are installed now. Everything apt says goes to standard error. */
export function aptInstall(packages) {
  const isOurs = !existsSync(POLICY)
  const tidy = () => {
    if (isOurs) rmSync(POLICY, { force: true })
  }
  process.once('exit', tidy)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
  try {
    if (isOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
    return apt('update') && apt('install', '-y', '--no-install-recommends', ...packages)
  } finally {
    tidy()
  }
}

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 2, 2] }).status === 0
}

function isDebian() {
  const file = '/etc/os-release'
  return existsSync(file) && /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync(file, 'utf8'))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const packages = process.argv.slice(2)
  if (!canInstall()) {
    process.stderr.write(`cannot install ${packages.join(', ')}: this needs root on Debian or Ubuntu\n`)
    process.exit(1)
  }
  process.exit(aptInstall(packages) ? 0 : 1)
}
