/**
 * Checks passwords against bcrypt hashes, one after the other, in a thread of its own: each takes a tenth of a second,
 * in which pushes go on. Plain JavaScript, because threads are started from the file as it is.
 */
import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

parentPort?.on('message', ({ id, password, hash }) => {
  let isRight = false
  try {
    isRight = compareSync(password, hash)
  } catch {
    // Not a hash: nobody's password.
  }
  parentPort?.postMessage({ id, isRight })
})
