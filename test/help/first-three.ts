import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'first-three-'))
// tests run the program as other users, too
chmodSync(folder, 0o755)
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const all = join(import.meta.dirname, '../../migrations')

/** Whether a file of the folder of migrations is of the first three, or of none. */
export const isOfFirstThree = (name: string): boolean => !/^\d/.test(name) || /^000[1-3]-/.test(name)

/** A folder with the first three migrations alone: whoever adds one changes no test, for no test counts those of the image. */
export const firstThree = join(folder, 'migrations')
mkdirSync(firstThree)
for (const name of readdirSync(all).filter(isOfFirstThree)) cpSync(join(all, name), join(firstThree, name))
