import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import type { Context } from '../../src/context.ts'
import { createLog } from '../../src/log.ts'
import { root, settingsFor } from './program.ts'
import { pipe } from './screen.ts'

/** What a command gets, for a database in a test's folder, outside of containers, with nobody to ask. */
export const makeContext = async (
  folder: string,
  environment: Readonly<Record<string, string>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Context> => ({
  config: await readConfig({
    environment: { ...settingsFor(folder), ...environment },
    workingFolder: folder,
    root,
    terminal: false,
  }),
  log: createLog('json', 'error', 2, pipe),
  host: { container: false, mounts: [], uid: process.getuid?.(), gid: process.getgid?.() },
  signal,
  print: () => undefined,
  screen: pipe,
  ask: async () => undefined,
  command: [process.execPath, join(root, 'bin/migrator.js')],
  version: '1.0.0',
})
