import { Failure } from './failure.ts'
import { closeSync, constants, fstatSync, openSync, readSync } from './fs.ts'

/**
 * Reads a small file without trusting what is at its path: it neither blocks on a pipe nor reads gigabytes into memory.
 * @param most maximum size in bytes
 * @throws Failure CONFIG_INVALID if it is not a file, or larger; the filesystem's errors
 */
export const readSmallFile = (file: string, most: number): Buffer => {
  // O_NONBLOCK: opening a pipe without a writer returns at once
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw notRead(file, `is ${stats.isDirectory() ? 'a folder' : 'not a regular file'}`)
    if (stats.size > most) throw notRead(file, `has ${stats.size} bytes, and at most ${most} are allowed`)
    const bytes = Buffer.allocUnsafe(stats.size)
    let length = 0
    for (;;) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null)
      length += read
      // it may have been truncated meanwhile
      if (read === 0 || length === bytes.length) return bytes.subarray(0, length)
    }
  } finally {
    closeSync(descriptor)
  }
}

const notRead = (file: string, what: string): Failure =>
  new Failure('CONFIG_INVALID', `${file} ${what}`, 'Replace it with a regular file, or move it away.')
