/** Data for another program, on stdout: one JSON value and a line end. */
export function writeJson(value: unknown): void {
  writeLine(process.stdout, JSON.stringify(value, undefined, 2))
}

/** Data for another program that goes on coming: one JSON value a line. */
export function writeJsonLine(value: unknown): void {
  writeLine(process.stdout, JSON.stringify(value))
}

export function writeLine(stream: NodeJS.WritableStream, line: string): void {
  stream.write(`${line}\n`)
}
