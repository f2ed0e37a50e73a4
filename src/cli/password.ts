import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import * as Errors from '@oclif/core/errors'
import { PgrError } from '../errors/pgr-error.ts'
import type { Stdin } from './input.ts'

/** Bytes of a password that bcrypt looks at. */
const MOST_BYTES = 72
/** Far above what anybody types; only guards this process against endless input. */
const LONGEST_INPUT_BYTES = 1024 * 1024
/** As a shell reports a process that Ctrl-C ended. */
const INTERRUPTED_EXIT = 130

export interface Terminal {
  readonly input: Stdin & NodeJS.ReadableStream
  /** Where questions go: not to stdout, which is for the answer. */
  readonly output: NodeJS.WritableStream
}

/**
 * A new password: asked for twice at a terminal, where it is not shown, or the one line of piped input. Throws
 * PGR_SETTING_INVALID when it is empty, longer than bcrypt reads, or typed differently.
 */
export async function readNewPassword(terminal: Terminal): Promise<string> {
  const password = terminal.input.isTTY ? await askTwice(terminal) : await readLine(terminal.input)
  if (password === '') refuse('the password is empty: type one, or pipe it into this command')
  const bytes = Buffer.byteLength(password)
  if (bytes > MOST_BYTES)
    refuse(`the password has ${bytes} bytes, of which bcrypt reads ${MOST_BYTES} alone: choose a shorter one`)
  return password
}

async function askTwice(terminal: Terminal): Promise<string> {
  const password = await askHidden(terminal, 'Password: ')
  if ((await askHidden(terminal, 'The same again: ')) !== password)
    refuse('the two passwords differ: start again')
  return password
}

/** What is typed goes nowhere but into the answer. */
function askHidden({ input, output }: Terminal, question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
  output.write(question)
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      output.write('\n')
      settle()
      lines.close()
    }
    lines.once('line', (line) => end(() => resolve(line)))
    lines.once('SIGINT', () => end(() => reject(new Errors.ExitError(INTERRUPTED_EXIT))))
    lines.once('close', () => resolve(''))
  })
}

async function readLine(input: Stdin): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of input) {
    bytes += chunk.length
    if (bytes > LONGEST_INPUT_BYTES) refuse('that is no password: pipe one line into this command')
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '')
  if (/[\r\n]/.test(text)) refuse('a password is one line: pipe no more than that into this command')
  return text
}

function refuse(message: string): never {
  throw new PgrError('PGR_SETTING_INVALID', message)
}
