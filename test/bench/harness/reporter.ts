import { writeFileSync } from 'node:fs'
import type { TestAnnotation } from 'vitest'
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node'
import { judge } from '../budgets.ts'
import { sizeName, sizes } from '../settings.ts'
import { lookAtMachine } from './machine.ts'
import { showMeasured, showVerdicts } from './report.ts'
import { type Measured, summarise } from './results.ts'
import type { Run } from './run.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** What a measure came to. */
    measured?: Measured
  }
}

/** Prints what is measured as it comes, on a terminal with a line that says how far it is, and writes `PGR_BENCH_JSON`. */
export class BenchReporter implements Reporter {
  private readonly startedAt = new Date()
  private readonly machine = lookAtMachine()
  private readonly measures: Measured[] = []

  onInit(): void {
    const { cores, cpu, memoryBytes, kernel, programs, generator } = this.machine
    const versions = Object.entries(programs).map(([name, version]) => `${name} ${version}`)
    process.stdout.write(
      `${cores} cores, ${cpu}, ${(memoryBytes / 1e9).toFixed(0)} GB, Linux ${kernel}\n` +
        `${versions.join(', ')}; closed loops by ${generator}\n` +
        `${sizes.rounds} rounds: median (least to most)\n\n`,
    )
  }

  onTestCaseReady(test: TestCase): void {
    this.progress(test.name)
  }

  onTestCaseAnnotate(_test: TestCase, { message }: TestAnnotation): void {
    this.progress(message)
  }

  onTestCaseResult(test: TestCase): void {
    const { measured } = test.meta()
    if (measured !== undefined) {
      this.measures.push(measured)
      this.print(`${showMeasured(measured)}\n`)
    }
    for (const { stack, message } of test.result().errors ?? [])
      this.print(`${test.name}\n${stack ?? message}\n`)
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const outside = [...errors, ...modules.flatMap((module) => module.errors())]
    for (const { stack, message } of outside) this.print(`${stack ?? message}\n`)
    this.print(showVerdicts(judge(this.measures)))
    const { PGR_BENCH_JSON: file } = process.env
    if (file === undefined) return
    writeFileSync(file, `${JSON.stringify(this.run(), undefined, 1)}\n`)
    this.print(`written to ${file}\n`)
  }

  private run(): Run {
    return {
      startedAt: this.startedAt.toISOString(),
      seconds: (Date.now() - this.startedAt.getTime()) / 1000,
      size: sizeName,
      sizes,
      machine: this.machine,
      budgets: judge(this.measures),
      measures: this.measures.map((measured) => ({ ...measured, summaries: summarise(measured) })),
    }
  }

  private progress(text: string): void {
    if (process.stdout.isTTY) process.stdout.write(`${CLEAR}${text.slice(0, process.stdout.columns - 1)}`)
  }

  private print(text: string): void {
    process.stdout.write(process.stdout.isTTY ? `${CLEAR}${text}` : text)
  }
}

/** Back to the start of the line, and nothing on it. */
const CLEAR = '\r\u001b[K'
