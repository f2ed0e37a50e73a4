import { connect, type Socket } from 'node:net'

/** A connection on which a test says exactly what it wants. */
export interface Talk {
  readonly socket: Socket
  say(text: string | Uint8Array): void
  /** All that came so far, once it holds `text`. Fails when the connection ends before. */
  until(text: string): Promise<string>
  /** All that came, once the other side has ended. */
  untilEnd(): Promise<string>
}

export function talk(port: number): Talk {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  let isOver = false
  socket.on('data', (bytes) => {
    heard += bytes.toString('latin1')
  })
  socket.on('close', () => {
    isOver = true
  })
  // A reset is an end like any other; what was heard before tells.
  socket.on('error', () => {})

  function until(isReached: () => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      function look(): void {
        if (isReached()) settle(() => resolve(heard))
        else if (isOver)
          settle(() => reject(new Error(`the connection ended after ${JSON.stringify(heard)}`)))
      }
      function settle(end: () => void): void {
        socket.off('data', look).off('close', look)
        end()
      }
      socket.on('data', look).on('close', look)
      look()
    })
  }

  return {
    socket,
    say: (text) => socket.write(text),
    until: (text) => until(() => heard.includes(text)),
    untilEnd: () => until(() => isOver),
  }
}
