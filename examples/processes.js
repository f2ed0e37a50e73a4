/** What the examples share: programs that run for as long as an example does and end with it. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const RESTART_AFTER_MS = Number(process.env.EXAMPLE_RESTART_AFTER_SECONDS ?? 10) * 1000
const LONGEST_WAIT_MS = 30_000
const ASK_EVERY_MS = 100

/** What runs, and the signal that ends it. */
const children = new Map()
const stopping = new AbortController()

export function say(text) {
  process.stdout.write(`${text}\n`)
}

/** Ends with everything it started. */
function stop(code) {
  stopping.abort()
  process.exitCode = code
  for (const [child, stopSignal] of children) child.kill(stopSignal)
}

function fail(reason) {
  if (stopping.signal.aborted) return
  process.stderr.write(`${reason.cause?.message ?? reason.message}\n`)
  stop(1)
}

/** Runs the work of an example. What it started goes on until Ctrl-C, or ends with the failure of the work. */
export async function run(work) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => stop(0))
  await work().catch(fail)
}

function start(name, command, args, stopSignal = 'SIGTERM') {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  children.set(child, stopSignal)
  child.once('error', (reason) => say(`${name} cannot be started: ${reason.message}`))
  child.once('close', () => children.delete(child))
  return child
}

/** A program that has to stay for as long as the example runs. */
export function startLasting(name, command, args) {
  const child = start(name, command, args)
  child.once('close', (code, signal) => {
    if (stopping.signal.aborted) return
    say(`${name} ended (${signal ?? code})`)
    stop(1)
  })
}

/**
 * A program that is started again when it was killed, as systemd or Kubernetes would; one that ends by itself ends the
 * example. `onStart` and `onUp` are told each time. Resolves when it is up for the first time.
 */
export async function startReviving(program) {
  const { name, command, args, stopSignal, isUp, onStart, onUp } = program
  const child = start(name, command, args, stopSignal)
  child.once('close', async (code, signal) => {
    if (stopping.signal.aborted) return
    if (signal === null) return fail(new Error(`${name} ended (${code})`))
    say(`${name} ended (${signal}); it is started again in ${RESTART_AFTER_MS / 1000} s`)
    await sleep(RESTART_AFTER_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    if (stopping.signal.aborted) return
    await startReviving(program).catch(fail)
  })
  onStart?.(child)
  await until(`${name} is up`, isUp)
  onUp?.()
}

export function isInstalled(command) {
  return spawnSync(command, ['--version']).status === 0
}

/** The first of these programs that is installed. */
export function findProgram(...commands) {
  const found = commands.find(isInstalled)
  if (found === undefined) throw new Error(`there is no ${commands.join(' or ')} on PATH; install one`)
  return found
}

const folders = new Set()
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** In the place for temporary ones; removed at the end. */
export function makeFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `pgr-example-${name}-`))
  folders.add(folder)
  return folder
}

/** Asks ten times a second until the answer is yes; fails after half a minute, and at once when the example ends. */
export async function until(what, ask) {
  const untilMs = performance.now() + LONGEST_WAIT_MS
  while (!(await ask())) {
    if (stopping.signal.aborted || performance.now() > untilMs)
      throw new Error(`${what}: not within ${LONGEST_WAIT_MS / 1000} s`)
    await sleep(ASK_EVERY_MS)
  }
}

/** Whether something answers 2xx at an address. */
export function answers(url) {
  return fetch(url).then(
    (answer) => answer.ok,
    () => false,
  )
}
