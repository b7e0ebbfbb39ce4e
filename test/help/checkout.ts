import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './program.ts'

/** What a fresh checkout does not have. */
const leftOut = /^(?:\.git|\.tap|bundle|dist|node_modules|data\/(?!\.gitignore).*)$/

/**
 * Makes a fresh checkout in a folder, with the packages that this one has: a link for each, in a folder of its own. A link
 * for the whole folder would be followed by `npm ci`, which empties it first.
 */
export const makeCheckout = (folder: string): void => {
  cpSync(root, folder, { recursive: true, filter: source => !leftOut.test(relative(root, source)) })
  mkdirSync(join(folder, 'node_modules'))
  for (const entry of readdirSync(join(root, 'node_modules')))
    symlinkSync(join(root, 'node_modules', entry), join(folder, 'node_modules', entry))
}
