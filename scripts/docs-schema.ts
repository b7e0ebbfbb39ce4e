/** Writes docs/schema.md: what the migrations make, as `schema --format markdown` tells it. test/commands/schema.ts holds it true. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'docs-'))
const run = (...words: readonly string[]): string => {
  const env = { PATH: process.env.PATH, DATABASE_URL: `sqlite:${join(folder, 'homelab.db')}` }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/migrator.js'), ...words], { env })
  if (status !== 0) throw new Error(`migrator ${words.join(' ')} exited ${status}: ${stderr}`)
  return String(stdout)
}

try {
  run('up')
  writeFileSync(join(root, 'docs/schema.md'), run('schema', '--format', 'markdown'))
} finally {
  rmSync(folder, { recursive: true })
}
