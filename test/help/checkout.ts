import { cpSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { isOfFirstThree } from './first-three.ts'
import { root } from './program.ts'

/** What a fresh checkout does not have. */
const leftOut = /^(?:\.git|\.tap|bundle|dist|node_modules|data\/(?!\.gitignore).*)$/

/** The documents show what the first three migrations print. */
const filter = (source: string): boolean => {
  const path = relative(root, source)
  return !leftOut.test(path) && (!path.startsWith('migrations/') || isOfFirstThree(basename(path)))
}

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
  cpSync(root, folder, { recursive: true, filter })
  mkdirSync(join(folder, 'node_modules'))
  for (const { name, isLink } of packages()) {
    const source = join(root, 'node_modules', name)
    symlinkSync(isLink ? readlinkSync(source) : source, join(folder, 'node_modules', name))
  }
}
