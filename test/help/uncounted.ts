import { readFileSync } from 'node:fs'

/** What is in a database file but for its change counter, which goes up twice when the journal mode is changed and set back. */
export const uncounted = (file: string): Buffer => {
  const bytes = readFileSync(file)
  for (const offset of [24, 92]) bytes.subarray(offset, offset + 4).fill(0)
  return bytes
}
