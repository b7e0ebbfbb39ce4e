import type { Context } from '../context.ts'
import { runPlain, type Transaction } from '../engine.ts'
import { attempt, attemptAsync, Failure, reasonOf } from '../failure.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { loadForTrial } from '../on-server/online.ts'
import { hasObjects } from '../postgres/catalog.ts'
import type { Connection as Server } from '../postgres/connect.ts'
import { copyIn, writeExactly } from '../postgres/copy-rows.ts'
import { toFailure as ofServer, sqlState } from '../postgres/errors.ts'
import { setKeysAside } from '../postgres/keys-aside.ts'
import { readNumbering, setLast } from '../postgres/numbering.ts'
import { createPostgres } from '../postgres/postgres.ts'
import type { PostgresReader } from '../postgres/reader.ts'
import { readServerSchema } from '../postgres/schema.ts'
import { inSchema } from '../postgres/sql.ts'
import { toFailure as ofFile, sqliteCode } from '../sqlite/errors.ts'
import { sizeWithJournals } from '../sqlite/file.ts'
import { readerOf } from '../sqlite/reader.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { openSnapshot, type Snapshot } from '../sqlite/snapshot.ts'
import { formatBytes } from '../text.ts'
import { runAll } from '../verify/run-all.ts'
import { tuplesOf } from './binary.ts'
import { binariesOf, compareAll } from './compare.ts'
import { requireFile } from './file-there.ts'
import { escapeField, nullField, type Value } from './kinds.ts'
import { lastInFile, refusedNumbers } from './numbers.ts'
import { makeOnServer } from './other-tables.ts'
import { chosen, type PairedTable, pairTables, parentsFirst, sortTables } from './pair.ts'
import { createMeter, sayLeft, sourceChanged } from './report.ts'
import type { Places } from './sides.ts'
import { rowsOf, sieveAll } from './sieve.ts'
import { requireAtHead, tablesInFile, tablesOnServer } from './sources.ts'

/** What was copied. */
export type Copied = Readonly<{ schema: string; tables: number; rows: number }>

/**
 * Copies a file into the empty schema of a server, in one transaction there and from one state of the file: the migrations, all rows in
 * the order of their keys, then indexes and keys, then the numbering. All is read back and compared before the commit.
 * @param names of other tools' tables that are copied, too
 * @throws Failure VALUES_REFUSED before any row is written; DATABASES_DIFFER, and SOURCE_CHANGED if the file was written to
 *   meanwhile, with everything rolled back; what opening, connecting and migrating throw
 */
export const copyToServer = async (context: Context, places: Places, names: readonly string[]): Promise<Copied> => {
  const { file, server, address } = places
  const path = requireFile(file.config.database)
  const snapshot = openSnapshot(path)
  const session = await createPostgres(server, address)
    .open()
    .catch(error => {
      snapshot.close()
      throw error
    })
  try {
    const outcome = await attemptAsync(async () => {
      const schema = await requireAtHead(readerOf(snapshot.connection), context.config.migrations, 'sqlite', path)
      const copied = await session.transaction(async transaction => {
        await transaction.probe()
        await requireEmpty(transaction)
        const bytes = sizeWithJournals(path)
        context.log.info('copy.begins', `copying ${path} (${formatBytes(bytes)}) into ${address.shown}`, {
          ...{ from: path, to: address.shown, bytes },
        })
        const copied = await copyAll(context, transaction, snapshot, names)
        if (snapshot.isChanged()) throw sourceChanged(path, 'undone')
        return copied
      })
      if (snapshot.isChanged()) throw sourceChanged(path, 'kept')
      return { schema, ...copied }
    })
    if ('error' in outcome) throw explained(outcome.error, snapshot, path, address.shown)
    return outcome.value
  } finally {
    await attemptAsync(() => session.close())
    snapshot.close()
  }
}

const explained = (error: unknown, { isChanged }: Snapshot, path: string, shown: string): unknown => {
  if (error instanceof Failure) return error
  // what was read of a file that is written to may be torn
  const changed = sqliteCode(error) === undefined ? { value: false } : attempt(isChanged)
  if (!('value' in changed) || changed.value) return sourceChanged(path, 'undone')
  if (!/^(?:22|23|54)/.test(String(sqlState(error)))) return ofFile(ofServer(error, shown), path)
  // what only the server can judge: its CHECKs, and keys that are the same to it alone
  const detail = error instanceof Error && 'detail' in error && error.detail ? `: ${error.detail}` : ''
  const hint = 'Fix this row in the file, then copy again. Everything was rolled back.'
  return new Failure('VALUES_REFUSED', `${shown} refuses a row: ${reasonOf(error)}${detail}`, hint, error)
}

const requireEmpty = async (transaction: Transaction): Promise<void> => {
  const { connection } = transaction as Transaction & PostgresReader
  if (!(await hasObjects(connection))) return
  const hint =
    'A copy makes all tables itself: name a new database in DATABASE_URL, or another schema: ?schema=NAME. Nothing was changed.'
  throw new Failure('CONFIG_INVALID', `${connection.address.shown} is not empty`, hint)
}

const copyAll = async (
  context: Context,
  transaction: Transaction,
  { connection: file }: Snapshot,
  names: readonly string[],
): Promise<Pick<Copied, 'tables' | 'rows'>> => {
  const { config, log, signal, version } = context
  const { connection: server } = transaction as Transaction & PostgresReader
  await writeExactly(server)
  const migrations = await loadForTrial(readMigrationFiles(config.migrations, 'postgres'), signal)
  await runAll(transaction, migrations, { version, signal, hook: runPlain, afterEach: () => undefined })
  const inFile = tablesInFile(readAppSchema(file))
  const made = await readServerSchema(server)
  const { taken, left } = chosen(sortTables(inFile, made.tables).others, names)
  sayLeft(log, left)
  await makeTables(server, taken)
  const schema = await readServerSchema(server)
  const tables = pairTables(inFile, tablesOnServer(schema), schema)
  const meter = createMeter(log)
  const numbers = refusedNumbers(file, tables, await readNumbering(server))
  const sieved = sieveAll(context, file, tables, server.address.shown, numbers)
  // migrations may have made rows, which the file has as they are now
  const all = schema.tables.map(({ name }) => inSchema(server.address.schema, name))
  await server.query(`TRUNCATE ${all.join(', ')}`)
  const restoreKeys = await setKeysAside(
    server,
    schema,
    tables.map(({ name }) => name),
  )
  for (const { table, rows, isWide } of parentsFirst(sieved, schema)) {
    const isPartitioned = schema.tables.some(({ name, end }) => name === table.name && end.includes('PARTITION BY'))
    const target = { table: table.name, columns: table.columns.map(({ name }) => name), isFresh: !isPartitioned }
    const onRows = meter(`copying ${table.name}`, rows)
    const onBatch = (rows: number): void => {
      signal.throwIfAborted()
      onRows(rows)
    }
    const binaries = binariesOf(table)
    const read = rowsOf(file, table, isWide)
    if (binaries === undefined) await copyIn(server, target, 'text', linesOf(read, table, onBatch))
    else await copyIn(server, target, 'binary', tuplesOf(read, binaries, onBatch))
  }
  log.info('copy.keys', 'making indexes and keys')
  await restoreKeys()
  for (const { table: name, column, sequence } of await readNumbering(server)) {
    const table = tables.find(table => table.name === name)
    if (table !== undefined) await setLast(server, sequence, lastInFile(file, table, column))
  }
  await compareAll({ file, server, signal }, sieved, meter)
  return { tables: tables.length, rows: sieved.reduce((sum, { rows }) => sum + rows, 0) }
}

const makeTables = async (server: Server, taken: Schema['tables']): Promise<void> => {
  const virtual = taken.find(table => table.virtual)
  if (virtual !== undefined) {
    const hint = 'Leave it out: the tool that made it has to make it on the server.'
    throw new Failure(
      'CONFIG_INVALID',
      `--tables: ${virtual.name} is a virtual table, which PostgreSQL does not have`,
      hint,
    )
  }
  const statements = taken.map(table => makeOnServer(server.address.schema, table))
  for (const sql of [...statements.flatMap(([first]) => first), ...statements.flatMap(([, then]) => then)])
    await server.query(sql)
}

/** Characters of lines that are sent at once. */
const batch = 64 * 1024

const linesOf = function* (
  rows: Iterable<readonly (Value | null)[]>,
  { columns }: PairedTable,
  onRows: (rows: number) => void,
): Generator<Buffer> {
  const fieldOf = columns.map(
    ({ kind: { plain, toField } }) =>
      (value: Value | null): string =>
        value === null ? nullField : plain ? toField(value) : escapeField(toField(value)),
  )
  let text = ''
  let count = 0
  for (const row of rows) {
    for (let index = 0; index < fieldOf.length; index += 1)
      text += `${index === 0 ? '' : '\t'}${fieldOf[index]?.(row[index] ?? null)}`
    text += '\n'
    count += 1
    if (text.length < batch) continue
    onRows(count)
    yield Buffer.from(text)
    text = ''
    count = 0
  }
  onRows(count)
  if (text !== '') yield Buffer.from(text)
}
