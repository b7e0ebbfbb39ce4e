import { cpSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './program.ts'

/** What a fresh checkout does not have. */
const leftOut = /^(?:\.git|\.tap|bundle|dist|node_modules|data\/(?!\.gitignore).*)$/

/** What is installed. A link leads to the checkout itself, or into it. */
const packages = () =>
  readdirSync(join(root, 'node_modules'), { withFileTypes: true }).map(entry => ({
    name: entry.name,
    isLink: entry.isSymbolicLink(),
  }))

/**
 * Makes a fresh checkout in a folder, with the packages that this one has: a link for each, in a folder of its own. A link
 * for the whole folder would be followed by `npm ci`, which empties it first.
 */
export const makeCheckout = (folder: string): void => {
  cpSync(root, folder, { recursive: true, filter: source => !leftOut.test(relative(root, source)) })
  mkdirSync(join(folder, 'node_modules'))
  for (const { name, isLink } of packages()) {
    const source = join(root, 'node_modules', name)
    symlinkSync(isLink ? readlinkSync(source) : source, join(folder, 'node_modules', name))
  }
}
