import { writeJson } from '../output.ts'
import { codeOf, endAs } from './ending.ts'
import { type JobCommandLine, readJobOrder } from './order.ts'
import { runJob } from './run-job.ts'
import { say } from './say.ts'

/**
 * `pgr push` with a command to run. Ends this process as the command ended. Throws PGR_SETTING_INVALID before anything is
 * run.
 */
export async function pushJob(line: JobCommandLine): Promise<void> {
  const { flags } = line
  const order = readJobOrder(line)
  if (flags['dry-run']) {
    const { jobPreviewJson, jobPreviewText } = await import('./preview.ts')
    if (flags.json) writeJson(jobPreviewJson(order, Date.now()))
    else process.stdout.write(jobPreviewText(order, Date.now()))
    return
  }
  const { ending, failure } = await runJob(order, {
    warn: say,
    onProgress: flags.verbose ? say : () => {},
  })
  if (failure) say(`warning: the metrics of this run were not pushed: ${failure.message}`)
  const isFailed = failure !== undefined && flags['strict-push'] && codeOf(ending) === 0
  return endAs(isFailed ? { kind: 'exit', code: failure.failure.exit } : ending)
}
