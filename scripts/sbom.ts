/**
 * Prints which packages the program has in production, as CycloneDX: `npm run --silent sbom >sbom.json`, or SPDX with
 * `-- --sbom-format=spdx`. In a checkout `npm sbom --omit dev` leaves out what a development dependency asks for too, so npm
 * is asked in a folder that has the production dependencies alone, in the versions of package-lock.json. Asks no registry.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const { name, version, description, license, dependencies, overrides } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)
const temporary = mkdtempSync(join(tmpdir(), 'sbom-'))
// npm names the product after its folder
const folder = join(temporary, name)

const npm = (...words: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync('npm', words, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  })
  if (status !== 0) throw new Error(`npm ${words.join(' ')} exited ${status}: ${stderr}`)
  return stdout
}

try {
  mkdirSync(folder)
  const manifest = { name, version, description, license, dependencies, overrides }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  copyFileSync(join(root, 'package-lock.json'), join(folder, 'package-lock.json'))
  npm('install', '--package-lock-only', '--offline', '--ignore-scripts', '--no-audit', '--no-fund')
  process.stdout.write(npm('sbom', '--package-lock-only', '--sbom-format=cyclonedx', ...process.argv.slice(2)))
} finally {
  rmSync(temporary, { recursive: true })
}
