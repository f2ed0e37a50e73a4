import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from './free-port.ts'
import { asFields, asList, openResp, type RespConnection } from './resp.ts'

const servers: Server[] = []
const connections: RespConnection[] = []

/** A server that says these pieces, one after the other, whatever it is asked. */
async function connectTo(
  pieces: readonly (string | Uint8Array)[],
  timeoutMs?: number,
): Promise<RespConnection> {
  const port = await freePort()
  const server = createServer({ noDelay: true }, async (socket) => {
    socket.on('error', () => undefined)
    await once(socket, 'data')
    for (const piece of pieces) {
      socket.write(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })
  servers.push(server)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const connection = openResp({ port, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  connections.push(connection)
  return connection
}

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close()
  for (const server of servers.splice(0)) server.close()
})

describe('a connection that speaks RESP', () => {
  it.each([
    ['a status', '+OK\r\n', 'OK'],
    ['an integer', ':-7\r\n', -7],
    ['a string that holds a line end, and counts bytes', '$5\r\na\r\n\u00e9\r\n', 'a\r\n\u00e9'],
    ['an empty string', '$0\r\n\r\n', ''],
    ['no string', '$-1\r\n', null],
    ['no list', '*-1\r\n', null],
    ['an empty list', '*0\r\n', []],
    ['lists in a list', '*2\r\n*1\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n', [[1], ['a', []]]],
  ])('reads %s, in one piece and byte by byte', async (_what, text, expected) => {
    expect(await (await connectTo([text])).ask('X')).toEqual(expected)
    const bytes = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte))
    expect(await (await connectTo(bytes)).ask('X')).toEqual(expected)
  })

  it('gives each question its own reply, and goes on after a refusal', async () => {
    const connection = await connectTo(['+one\r\n-ERR two\r\n*2\r\n:3\r\n-ERR inside\r\n+four\r\n'])
    const replies = ['a', 'b', 'c', 'd'].map((word) => connection.ask(word).catch(String))
    expect(await Promise.all(replies)).toEqual(['one', 'Error: ERR two', 'Error: ERR inside', 'four'])
  })

  it('fails what was asked when no reply comes, and what is asked later', async () => {
    const connection = await connectTo(['+one\r\n'], 50)
    expect(await connection.ask('first')).toBe('one')
    await expect(connection.ask('second')).rejects.toThrow(/no reply to second within 50 ms/)
    await expect(connection.ask('third')).rejects.toThrow(/no reply/)
  })

  it('reads names and values, and refuses what is no list', () => {
    expect(asFields(['a', '1', 'b', 2])).toEqual(
      new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
    )
    expect(() => asList('text')).toThrow(/a list was expected/)
  })
})
