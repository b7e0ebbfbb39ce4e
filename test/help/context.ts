import { readConfig } from '../../src/config.ts'
import type { Context } from '../../src/context.ts'
import { createLog } from '../../src/log.ts'
import { createSqlite, type SqliteEngine } from '../../src/sqlite/sqlite.ts'
import { entry, root, settingsFor } from './program.ts'
import { pipe } from './screen.ts'

/** What a command gets, for a database in a test's folder, outside of containers, with nobody to ask. */
export const makeContext = async (
  folder: string,
  environment: Readonly<Record<string, string>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Context & { readonly engine: SqliteEngine }> => {
  const config = await readConfig({
    environment: { ...settingsFor(folder), ...environment },
    workingFolder: folder,
    root,
  })
  return withEngine({
    config,
    log: createLog('json', 'error', 2, pipe),
    host: { container: false, mounts: [], uid: process.getuid?.(), gid: process.getgid?.() },
    signal,
    print: () => undefined,
    screen: pipe,
    ask: async () => undefined,
    command: [process.execPath, entry],
    nameProcess: () => undefined,
    version: '1.0.0',
  })
}

/** With an engine that works in these surroundings: one that was made in others is left behind. */
export const withEngine = (context: Omit<Context, 'engine'>): Context & { readonly engine: SqliteEngine } => ({
  ...context,
  engine: createSqlite(context),
})
