import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a folder in the system's temporary one (TMPDIR). Whoever makes it calls `remove` in every path. */
export const makeTemporaryFolder = (): Readonly<{ path: string; remove: () => void }> => {
  const path = mkdtempSync(join(tmpdir(), 'migrator-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
