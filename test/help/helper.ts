import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Helper } from '../../src/sqlite/helper.ts'
import { entry } from './program.ts'

/** How the program starts its helper processes, for functions that are called directly. */
export const makeHelper = (changed: Partial<Helper> = {}): Helper => ({
  command: [process.execPath, entry],
  signal: new AbortController().signal,
  onProgress: () => undefined,
  idleLimit: 60,
  onUnchecked: () => undefined,
  ...changed,
})

/**
 * The command of a helper that stays for two seconds after its work, so that what is told every now and then is told on any machine.
 * @param folder for its script
 */
export const lingeringIn = (folder: string): Helper['command'] => {
  const script = join(folder, 'lingering.cjs')
  const wait = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000)'
  writeFileSync(script, `process.once('exit', () => ${wait})\nimport(${JSON.stringify(entry)})\n`)
  return [process.execPath, script]
}
