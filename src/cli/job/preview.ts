import type { PushRequest } from '../../client/request.ts'
import { dryRunJson, dryRunText } from '../push-preview.ts'
import { showCommand } from './command-line.ts'
import { writeFinished, writeStarted } from './metrics.ts'
import type { JobOrder } from './order.ts'

/** What would be run and pushed, as if the command had begun and ended well in this instant. No credentials. */
export function jobPreviewText(order: JobOrder, nowMs: number): string {
  const [started, finished] = requests(order, nowMs)
  return `${showCommand(order.words)}\n\nbeside it: ${dryRunText(...started)}\nafterwards: ${dryRunText(...finished)}`
}

export function jobPreviewJson(order: JobOrder, nowMs: number): Readonly<Record<string, unknown>> {
  const [started, finished] = requests(order, nowMs)
  return {
    dryRun: true,
    command: order.words,
    started: dryRunJson(...started),
    finished: dryRunJson(...finished),
  }
}

type Shown = [PushRequest, Uint8Array]

function requests({ prefix, push }: JobOrder, nowMs: number): [Shown, Shown] {
  const show = (text: string): Shown => [push.request(Buffer.from(text), 'text'), Buffer.from(text)]
  const run = {
    startedAtMs: nowMs,
    endedAtMs: nowMs,
    durationMs: 0,
    ending: { kind: 'exit', code: 0 },
    usage: { cpuSeconds: 0, peakBytes: 0 },
  } as const
  return [show(writeStarted(prefix, nowMs)), show(writeFinished(prefix, run))]
}
