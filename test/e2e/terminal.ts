import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Run } from './run-pgr.ts'

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

/** Runs a command in a terminal of this size and copies what it shows; its standard output goes to a file. */
const DRIVER = `
import fcntl, os, pty, struct, sys, termios
columns, output, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(columns), 0, 0))
    if output:
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.execvp(command[0], command)
while True:
    try:
        shown = os.read(terminal, 65536)
    except OSError:
        break
    if not shown:
        break
    sys.stdout.buffer.write(shown)
    sys.stdout.buffer.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`

export interface TerminalOptions {
  readonly columns: number
  /** Where its standard output goes; to the terminal when empty. */
  readonly output: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs the built command line with a terminal, whose picture is what `stdout` has. */
export function runInTerminal(
  args: readonly string[],
  { columns, output, env = {} }: TerminalOptions,
): Promise<Run> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('PGR_') && name !== 'CI')
  const command = ['-c', DRIVER, String(columns), output, process.execPath, RUN, ...args]
  const child = spawn('python3', command, {
    env: { ...Object.fromEntries(clean), TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}
