import type { PgrError } from '../../errors/pgr-error.ts'
import { codeOf, type Ending, isEndBy } from './ending.ts'
import { type KeptOutput, keepOutput } from './kept-output.ts'
import { type FinishedRun, metricNames, writeFinished, writeStarted } from './metrics.ts'
import { joinMetrics, makeMetricsFile, readWrittenMetrics, type WrittenMetrics } from './metrics-file.ts'
import type { JobOrder } from './order.ts'
import { makePrivateFolder, removePrivateFolder } from './private-folder.ts'
import { makePushes, type Pushes } from './pushes.ts'
import { startCommand } from './run-command.ts'
import { passSignals } from './signals.ts'
import { limitTime } from './time-limit.ts'
import { NO_USAGE, type Usage, watchUsage } from './usage.ts'

export interface JobOutcome {
  readonly ending: Ending
  /** Why the metrics of the run were not pushed. */
  readonly failure?: PgrError
}

export interface JobTelling {
  /** What somebody has to know. */
  warn(line: string): void
  /** What went well, and what is tried again. */
  onProgress(line: string): void
}

/**
 * Runs a command as if it had been run without pgr, and pushes how it went: at its start beside it, and once it has ended.
 * Nothing that goes wrong with that has a part in the run. Signals that come to this process are passed on to the command;
 * after its end they cut short what is left to do. Never rejects.
 */
export async function runJob(order: JobOrder, { warn, onProgress }: JobTelling): Promise<JobOutcome> {
  const files = makeFiles(order, warn)
  const hurry = new AbortController()
  const pushes = makePushes({ ...order.push, onProgress }, hurry.signal)
  try {
    const run = await execute(order, { files, pushes, hurry })
    if (run.ending.kind === 'not-started') warn(run.ending.reason)
    if (codeOf(run.ending) !== 0) await files?.output?.show(hurry.signal)
    const failure = await pushRun(order, { run, pushes, metrics: files?.metrics, warn })
    return { ending: run.ending, ...(failure && { failure }) }
  } finally {
    if (files) removePrivateFolder(files.folder)
  }
}

/** What a run has of its own in the file system while it lasts. */
interface RunFiles {
  readonly folder: string
  /** Where the command may write metrics. */
  readonly metrics: string
  readonly output?: KeptOutput
}

function makeFiles({ isQuietOnSuccess }: JobOrder, warn: JobTelling['warn']): RunFiles | undefined {
  let folder: string | undefined
  try {
    folder = makePrivateFolder()
    const metrics = makeMetricsFile(folder)
    return { folder, metrics, ...(isQuietOnSuccess && { output: keepOutput(folder) }) }
  } catch (reason) {
    if (folder !== undefined) removePrivateFolder(folder)
    const lost = isQuietOnSuccess ? 'output is not kept back and there is' : 'there is'
    warn(`files for the run cannot be made, so ${lost} no PGR_METRICS_FILE: ${String(reason)}`)
    return undefined
  }
}

interface Surroundings {
  readonly files: RunFiles | undefined
  readonly pushes: Pushes
  /** For signals that come once the command has ended. */
  readonly hurry: AbortController
}

/** A signal that reached the command and is heard within this after its end was sent before it. */
const LATE_SIGNAL_MS = 250

async function execute(
  { words, prefix, timeLimit, unpushable }: JobOrder,
  { files, pushes, hurry }: Surroundings,
): Promise<FinishedRun> {
  // Whatever comes from here on is heard only once the command runs: starting it does not give way.
  let take: (signal: NodeJS.Signals, isKnown: boolean) => void = () => {}
  passSignals((signal, isKnown) => take(signal, isKnown))

  const startedAtMs = Date.now()
  const clockMs = performance.now()
  const command = await startCommand({
    words,
    env: { ...process.env, ...(files && { PGR_METRICS_FILE: files.metrics }) },
    stdio: files?.output ? ['inherit', ...files.output.fds] : 'inherit',
  })
  const finish = (ending: Ending, usage: Usage): FinishedRun => {
    const durationMs = performance.now() - clockMs
    // What the command had, and mostly ended for, may have come to this process as well and be heard only now.
    take = (signal, isKnown) => {
      const sinceMs = performance.now() - clockMs - durationMs
      const isLate = (isKnown || isEndBy(signal, ending)) && sinceMs <= LATE_SIGNAL_MS
      if (!isLate) hurry.abort(new Error('given up after a signal'))
    }
    return { startedAtMs, endedAtMs: Date.now(), durationMs, ending, usage }
  }
  if (!('pid' in command)) return finish(command, NO_USAGE)

  take = (signal, isKnown) => {
    if (!isKnown) command.signal(signal)
  }
  if (unpushable === undefined) pushes.begin(writeStarted(prefix, startedAtMs))
  const watch = watchUsage(command.pid)
  const limit = timeLimit && limitTime(command, timeLimit)
  const ending = await command.ended
  const usage = watch.end()
  const isTooLong = await limit?.end()
  return finish(isTooLong ? { kind: 'too-long' } : ending, usage)
}

interface RunToPush {
  readonly run: FinishedRun
  readonly pushes: Pushes
  /** The file that the command may have written to. */
  readonly metrics: string | undefined
  warn(line: string): void
}

async function pushRun(
  { prefix, unpushable }: JobOrder,
  { run, pushes, metrics, warn }: RunToPush,
): Promise<PgrError | undefined> {
  const own = writeFinished(prefix, run)
  const leaveOut = (reason: unknown): void => {
    const why = reason instanceof Error ? reason.message : String(reason)
    warn(`warning: what the command wrote is left out of the push: ${why}`)
  }
  let written: WrittenMetrics | undefined
  try {
    written = metrics === undefined ? undefined : readWrittenMetrics(metrics, metricNames(prefix))
  } catch (reason) {
    leaveOut(reason)
  }
  if (unpushable !== undefined) return unpushable
  const { refused, failure } = await pushes.finish(own, written && joinMetrics(own, written))
  if (refused) leaveOut(refused)
  return failure
}
