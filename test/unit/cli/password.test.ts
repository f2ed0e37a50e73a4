import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readNewPassword } from '../../../src/cli/password.ts'

function piped(text: string) {
  const input = new PassThrough()
  input.end(text)
  return readNewPassword({ input, output: new PassThrough() })
}

/** A terminal at which this is typed, key by key. */
function typed(keys: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => input })
  const output = new PassThrough()
  let shown = ''
  output.on('data', (text: Buffer) => {
    shown += text.toString()
    const next = shown.match(/: /g)?.length ?? 0
    const part = keys.split('\r')[next - 1]
    if (text.toString().endsWith(': ') && part !== undefined) setImmediate(() => input.write(`${part}\r`))
  })
  return { password: readNewPassword({ input, output }), shown: () => shown }
}

describe('a new password', () => {
  it.each([
    ['a line', 'secret\n', 'secret'],
    ['a line of Windows', 'secret\r\n', 'secret'],
    ['no line end', 'secret', 'secret'],
    ['spaces', ' a b \n', ' a b '],
    ['as much as bcrypt reads', 'x'.repeat(72), 'x'.repeat(72)],
  ])('may be piped: %s', async (_why, text, expected) => {
    expect(await piped(text)).toBe(expected)
  })

  it.each([
    ['nothing', ''],
    ['an empty line', '\n'],
    ['two lines', 'a\nb\n'],
    ['more than bcrypt reads', 'ä'.repeat(37)],
    ['endless input', 'x'.repeat(1024 * 1024 + 1)],
  ])('is refused when piped: %s', async (_why, text) => {
    await expect(piped(text)).rejects.toMatchObject({ code: 'PGR_SETTING_INVALID' })
  })

  it('is asked for twice at a terminal and never shown', async () => {
    const { password, shown } = typed('secret\rsecret\r')
    expect(await password).toBe('secret')
    expect(shown()).toBe('Password: \nThe same again: \n')
  })

  it('may be corrected while it is typed', async () => {
    expect(await typed('secrex\x7ft\rsecret\r').password).toBe('secret')
  })

  it('is refused when it is typed differently', async () => {
    await expect(typed('secret\rother\r').password).rejects.toMatchObject({ code: 'PGR_SETTING_INVALID' })
  })

  it('may be given up', async () => {
    await expect(typed('sec\x03').password).rejects.toMatchObject({ oclif: { exit: 130 } })
  })
})
