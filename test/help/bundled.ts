import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './program.ts'

/** Makes the image's bundle in a folder, laid out as there. @returns the file to run */
export const makeBundle = (folder: string): string => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/bundle.ts'), join(folder, 'dist')])
  if (status !== 0) throw new Error(`scripts/bundle.ts exited ${status}: ${stderr}`)
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
  return join(folder, 'dist/main.cjs')
}
