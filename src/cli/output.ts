/** Data for another program, on stdout: one JSON value and a line end. */
export function writeJson(value: unknown): void {
  writeLine(process.stdout, JSON.stringify(value, undefined, 2))
}

export function writeLine(stream: NodeJS.WritableStream, line: string): void {
  stream.write(`${line}\n`)
}
