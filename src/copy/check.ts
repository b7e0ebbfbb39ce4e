import type { Context } from '../context.ts'
import { attemptAsync } from '../failure.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { loadForTrial } from '../on-server/online.ts'
import type { Connection as Server } from '../postgres/connect.ts'
import { writeExactly } from '../postgres/copy-rows.ts'
import { readNumbering } from '../postgres/numbering.ts'
import { createPostgres } from '../postgres/postgres.ts'
import { readServerSchema } from '../postgres/schema.ts'
import { toFailure as ofFile } from '../sqlite/errors.ts'
import { readerOf } from '../sqlite/reader.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { openSnapshot, type Snapshot } from '../sqlite/snapshot.ts'
import { expectedStructure } from '../verify/expected.ts'
import { compareAll } from './compare.ts'
import { requireFile } from './file-there.ts'
import { refusedNumbers } from './numbers.ts'
import { chosen, pairTables, sortTables } from './pair.ts'
import { createMeter, sayLeft, sourceChanged } from './report.ts'
import type { Places } from './sides.ts'
import { sieveAll } from './sieve.ts'
import { requireAtHead, tablesInFile, tablesOnServer } from './sources.ts'
import type { Copied } from './to-server.ts'

/**
 * Compares a file and a server value by value, and writes nothing.
 * @throws Failure DATABASES_DIFFER; VALUES_REFUSED for what the server could not hold; SOURCE_CHANGED if the file is written to
 */
export const checkDatabases = async (context: Context, places: Places, names: readonly string[]): Promise<Copied> => {
  const { file, server, address } = places
  const { migrations } = context.config
  const engine = createPostgres(server, address)
  const path = requireFile(file.config.database)
  const snapshot = openSnapshot(path)
  try {
    const made = await expectedStructure(
      await loadForTrial(readMigrationFiles(migrations), context.signal),
      context.version,
      context.signal,
    )
    const compared = await attemptAsync(() =>
      engine.read('wait', async reader => {
        await writeExactly(reader.connection)
        const schema = await requireAtHead(readerOf(snapshot.connection), migrations, 'sqlite', path)
        await requireAtHead(reader, migrations, 'postgres', address.shown)
        return { schema, ...(await compareBoth(context, snapshot, reader.connection, made, names)) }
      }),
    )
    if (snapshot.isChanged()) throw sourceChanged(path, 'compared')
    if ('error' in compared) throw ofFile(engine.explain(compared.error), path)
    return compared.value
  } finally {
    snapshot.close()
  }
}

const compareBoth = async (
  context: Context,
  { connection: file }: Snapshot,
  server: Server,
  made: Schema,
  names: readonly string[],
): Promise<Omit<Copied, 'schema'>> => {
  const { log, signal } = context
  const schema = await readServerSchema(server)
  const [inFile, onServer] = [tablesInFile(readAppSchema(file)), tablesOnServer(schema)]
  const [files, servers] = [sortTables(inFile, made.tables), sortTables(onServer, made.tables)]
  const { taken, left } = chosen(servers.others, names)
  const leftInFile = files.others.filter(({ name }) => ![...taken, ...left].some(table => table.name === name))
  sayLeft(log, [...left, ...leftInFile])
  const tables = pairTables(inFile, [...servers.own, ...taken], schema)
  const numbers = refusedNumbers(file, tables, await readNumbering(server))
  const sieved = sieveAll(context, file, tables, server.address.shown, numbers)
  await compareAll({ file, server, signal }, sieved, createMeter(log), 'Nothing was changed.')
  return { tables: tables.length, rows: sieved.reduce((sum, { rows }) => sum + rows, 0) }
}
