import { parse } from 'dotenv'
import { Failure } from './failure.ts'
import { readSmallFile } from './small-file.ts'

/** Maximum size of `.env` in bytes. */
const largest = 1024 * 1024

/** Decodes UTF-8, or UTF-16 with a byte order mark, as PowerShell and Notepad write it. */
const decode = (bytes: Buffer): string => {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return bytes.toString('utf16le', 2)
  if (first === 0xfe && second === 0xff)
    return bytes
      .subarray(0, bytes.length & ~1)
      .swap16()
      .toString('utf16le', 2)
  return bytes.toString('utf8').replace(/^\uFEFF/, '')
}

/** Reads a file `.env`; loaded only where there is one. @throws Failure CONFIG_INVALID if it cannot be read */
export const readDotenv = (file: string): Readonly<Record<string, string>> => {
  try {
    return parse(decode(readSmallFile(file, largest)))
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw new Failure('CONFIG_INVALID', `${file} cannot be read`, 'Make it a readable file, or remove it.', cause)
  }
}
