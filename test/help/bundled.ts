import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { attempt } from '../../src/failure.ts'

const root = join(import.meta.dirname, '../..')

/** Puts the image's bundle into a folder, laid out as there. @returns the file to run */
export const makeBundle = (folder: string): string => {
  cpSync(join(bundleOnce(), '../..'), folder, { recursive: true })
  return join(folder, 'dist/main.cjs')
}

/** Runs a script that makes a part of the image. */
const runScript = (name: string, dist: string): void => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts', name), dist], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`scripts/${name} exited ${status}: ${stderr}`)
}

const day = 24 * 60 * 60 * 1000

/**
 * The image's bundle with its caches, made once of the present sources for all tests: it starts in a quarter of the time that the sources take, and to start is
 * most of what a process of a test does.
 * @returns the file to run
 */
export const bundleOnce = (): string => {
  const sources = globSync(['src/**/*.ts', 'scripts/{bundle,warm}.ts', 'migrations/*', 'package-lock.json'], {
    cwd: root,
  }).toSorted()
  const states = sources.map(file => {
    const { mtimeMs, size } = statSync(join(root, file))
    return [file, mtimeMs, size]
  })
  const all = join(root, 'node_modules/.cache/bundles')
  const folder = join(all, hash('sha256', JSON.stringify([root, states])).slice(0, 16))
  if (!existsSync(folder)) {
    mkdirSync(all, { recursive: true })
    for (const old of readdirSync(all).map(name => join(all, name)))
      if (statSync(old).mtimeMs < Date.now() - day) rmSync(old, { recursive: true, force: true })
    const made = mkdtempSync(join(all, 'made-'))
    // tests run the program as other users, too
    chmodSync(made, 0o755)
    copyFileSync(join(root, 'package.json'), join(made, 'package.json'))
    for (const script of ['bundle.ts', 'warm.ts']) runScript(script, join(made, 'dist'))
    // another test may have been quicker
    attempt(() => renameSync(made, folder))
    rmSync(made, { recursive: true, force: true })
  }
  return join(folder, 'dist/main.cjs')
}
