import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Rows whose values are garbage: some 4 MB. */
const many = 6000

/** What is alive at such a look counts as old from then on: so many looks later all of it is garbage, too. */
const looks = 16

/**
 * Rows are garbage as soon as they are written, and V8 would let 64 MB of them gather before it looks. A look at the young ones in time
 * takes a millisecond, and keeps memory small. A size for them can be given when Node starts, and not later.
 * @returns a function that is told of rows that are done with
 */
export const createCollector = (): ((rows: number) => void) => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('globalThis.gc')
  let waiting = 0
  let looked = 0
  return rows => {
    waiting += rows
    if (waiting < many || typeof collect !== 'function') return
    waiting = 0
    collect({ type: looked % looks === 0 ? 'major' : 'minor' })
    looked += 1
  }
}
