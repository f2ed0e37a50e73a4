import type { FastifyReply, FastifyRequest } from 'fastify'
import { expect, it } from 'vitest'
import { told } from '../../../src/http/routes/told.ts'

const request = {
  method: 'PUT',
  raw: { url: '/', method: 'PUT', httpVersion: '1.1', headers: {}, rawHeaders: [] },
} as unknown as FastifyRequest

it('answers of one turn of the event loop leave after the work of all', async () => {
  const order: string[] = []
  const push = (name: string) => {
    const reply = { sent: false, code: () => reply, send: () => order.push(`answer ${name}`) }
    const handler = told(
      () => undefined,
      'push',
      async () => {
        // As many steps as a push may take in one turn.
        for (let step = 0; step < 50; step++) await undefined
        order.push(`work ${name}`)
        return 200
      },
    )
    return handler.call(undefined as never, request, reply as unknown as FastifyReply)
  }
  await Promise.all([push('a'), Promise.resolve().then(() => push('b'))])
  expect(order).toEqual(['work a', 'work b', 'answer a', 'answer b'])
})
