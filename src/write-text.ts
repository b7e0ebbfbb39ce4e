import { writeSync } from 'node:fs'
import { errorCode } from './error-code.ts'

const pause = new Int32Array(new SharedArrayBuffer(4))

/**
 * Writes all of `text` to a file descriptor before it returns; `process.stdout` costs 3 ms to set up and may lose its
 * tail at exit. A full pipe (EAGAIN) is waited for. A reader that has left (EPIPE, as after `| head`) is no error.
 */
export const writeText = (descriptor: number, text: string): void => {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
    } catch (error) {
      if (errorCode(error) === 'EPIPE') return
      if (errorCode(error) !== 'EAGAIN') throw error
      Atomics.wait(pause, 0, 0, 5)
    }
  }
}
