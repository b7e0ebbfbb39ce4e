import { basename, join } from 'node:path'
import type { Context } from '../context.ts'
import { runPlain, type Session, type Transaction } from '../engine.ts'
import { attemptAsync, Failure, must, reasonOf } from '../failure.ts'
import { existsSync } from '../fs.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { loadForTrial } from '../on-server/online.ts'
import type { Connection as Server } from '../postgres/connect.ts'
import { copyLines, digestOf, readView, writeExactly } from '../postgres/copy-rows.ts'
import { toFailure as ofServer } from '../postgres/errors.ts'
import { readNumbering } from '../postgres/numbering.ts'
import { createPostgres } from '../postgres/postgres.ts'
import { readServerSchema } from '../postgres/schema.ts'
import { inSchema } from '../postgres/sql.ts'
import { withdrawMarker } from '../ready/marker.ts'
import type { Connection as File } from '../sqlite/connect.ts'
import { toFailure as ofFile, sqliteCode } from '../sqlite/errors.ts'
import type { SqliteReader } from '../sqlite/reader.ts'
import { readAppSchema } from '../sqlite/schema/read.ts'
import { quote } from '../sqlite/sql.ts'
import { createSqlite } from '../sqlite/sqlite.ts'
import { formatBytes } from '../text.ts'
import { runAll } from '../verify/run-all.ts'
import { renameToFree, shareWithGroup, syncFolder } from '../volume/files.ts'
import { removePartialFolders, withPartialFolder } from '../volume/folders.ts'
import { requireSpace } from '../volume/space.ts'
import { databaseFiles } from '../volume/volume.ts'
import { compareAll, fileRowOf, selectOf } from './compare.ts'
import { nullField, unescapeField, type Value } from './kinds.ts'
import { setLastInFile } from './numbers.ts'
import { makeInFile } from './other-tables.ts'
import { chosen, type PairedColumn, type PairedTable, pairTables, sortTables } from './pair.ts'
import { createMeter, refuseValues, sayLeft, sourceChanged } from './report.ts'
import type { Places } from './sides.ts'
import { orphansIn, type Refused } from './sieve.ts'
import { requireAtHead, tablesOnServer } from './sources.ts'
import type { Copied } from './to-server.ts'

/**
 * Copies one state of a server into a new file, which gets its name once it is whole: the migrations, all rows in the order of their keys,
 * then the indexes, then the numbering. All is read back and compared before.
 * @throws as copyToServer
 */
export const copyToFile = async (context: Context, places: Places, names: readonly string[]): Promise<Copied> => {
  const { file, server, address } = places
  const { database, volume } = file.config
  const engine = createSqlite(file)
  await engine.validate('write')
  requireNothing(database)
  removePartialFolders(volume, database, false)
  const source = createPostgres(server, address)
  const read = await attemptAsync(() =>
    source.read('wait', async reader => {
      const { connection } = reader
      await writeExactly(connection)
      const schema = await requireAtHead(reader, context.config.migrations, 'postgres', address.shown)
      await requireReadable(connection)
      const bytes = await requireRoom(connection, volume)
      context.log.info('copy.begins', `copying ${address.shown} (${formatBytes(bytes)}) into ${database}`, {
        ...{ from: address.shown, to: database, bytes },
      })
      const copied = await withPartialFolder(volume, database, async folder => {
        const partial = join(folder, basename(database))
        const context = { ...file, config: { ...file.config, database: partial, volume: folder } }
        const copied = await fill(context, connection, names, database)
        await refuseChanged(connection, places)
        shareWithGroup(partial)
        withdrawMarker(file.config.readyFile)
        if (!renameToFree(partial, database)) throw isThere(database)
        return copied
      })
      syncFolder(volume)
      return { schema, ...copied }
    }),
  )
  if ('error' in read) throw explained(read.error, database, address.shown)
  return read.value
}

const explained = (error: unknown, path: string, shown: string): unknown => {
  if (!/^SQLITE_CONSTRAINT/.test(String(sqliteCode(error)))) return ofFile(ofServer(error, shown), path)
  const hint = 'Fix it on the server, then copy again. Everything was rolled back.'
  return new Failure('VALUES_REFUSED', `${path} refuses a row: ${reasonOf(error)}`, hint, error)
}

const isThere = (path: string): Failure => {
  const hint = 'A copy makes a new file: move this one away, or set DATABASE_URL to another. Nothing was changed.'
  return new Failure('CONFIG_INVALID', `${path} already exists`, hint)
}

/** A journal beside it would be applied to the new file. */
const requireNothing = (database: string): void => {
  const there = databaseFiles.find(suffix => existsSync(database + suffix))
  if (there !== undefined) throw isThere(database + there)
}

/** @throws Failure PRIVILEGE_MISSING naming a table that this user may not read */
const requireReadable = async (server: Server): Promise<void> => {
  const { schema, shown, user } = server.address
  const [closed] = await server.rows<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'S') AND NOT has_table_privilege(c.oid, 'SELECT') LIMIT 1`,
    [schema],
  )
  if (closed === undefined) return
  const hint = `Let its owner run: GRANT SELECT ON ${inSchema(schema, closed.name)} TO ${quote(user)};`
  throw new Failure('PRIVILEGE_MISSING', `${user} may not read ${closed.name} of ${shown}`, hint)
}

/** Rows take less room in a file than on a server; they are in its journal once more. @throws Failure DISK_FULL */
const requireRoom = async (server: Server, folder: string): Promise<number> => {
  const [size] = await server.rows<{ bytes: number }>(
    `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::int8 AS bytes
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`,
    [server.address.schema],
  )
  const { bytes } = must(size)
  requireSpace([{ what: 'the database', folder, bytes, files: 6 }])
  return bytes
}

/** Looks at the server again, in a new transaction. @throws Failure SOURCE_CHANGED */
const refuseChanged = async (before: Server, { server, address }: Places): Promise<void> => {
  const changed = await createPostgres(server, address).read('wait', async ({ connection }) => {
    if ((await readView(connection)) === (await readView(before))) return false
    await writeExactly(connection)
    const tables = tablesOnServer(await readServerSchema(before)).map(({ name }) => name)
    return (await digestOf(before, tables)) !== (await digestOf(connection, tables))
  })
  if (changed) throw sourceChanged(address.shown, 'undone')
}

/** @param target the file's name to be */
const fill = async (
  context: Context,
  server: Server,
  names: readonly string[],
  target: string,
): Promise<Omit<Copied, 'schema'>> => {
  const session: Session = await createSqlite(context).open()
  try {
    const copied = await session.transaction(transaction => copyAll(context, transaction, server, names, target))
    await session.handOver()
    return copied
  } finally {
    await session.close()
  }
}

const copyAll = async (
  { config, log, signal, version }: Context,
  transaction: Transaction,
  server: Server,
  names: readonly string[],
  target: string,
): Promise<Omit<Copied, 'schema'>> => {
  const { connection: file } = transaction as Transaction & SqliteReader
  const migrations = await loadForTrial(readMigrationFiles(config.migrations), signal)
  await runAll(transaction, migrations, { version, signal, hook: runPlain, afterEach: () => undefined })
  const schema = await readServerSchema(server)
  const onServer = tablesOnServer(schema)
  const { own, others } = sortTables(onServer, readAppSchema(file).tables)
  const { taken, left } = chosen(others, names)
  sayLeft(log, left)
  for (const table of taken) file.exec(makeInFile(table))
  const made = readAppSchema(file).tables
  refuseMissing(made, onServer)
  const tables = pairTables(made, [...own, ...taken], schema)
  const meter = createMeter(log)
  const counted = []
  const refused: Refused[] = []
  let count = 0
  for (const table of tables) {
    const found = await judge(server, table, signal)
    counted.push({ table, rows: found.rows, isWide: true })
    refused.push(...found.refused)
    count += found.count
  }
  refuseValues(refused, count, server.address.shown, target)
  const restore = setAside(file)
  // migrations may have made rows, which the server has as they are now
  for (const { name } of tables) file.exec(`DELETE FROM ${quote(name)}`)
  for (const { table, rows } of counted)
    await writeTable(file, server, table, signal, meter(`copying ${table.name}`, rows))
  log.info('copy.keys', 'making indexes and keys')
  restore()
  for (const { table: name, last } of await readNumbering(server)) {
    const table = tables.find(table => table.name === name)
    if (table?.numbered) setLastInFile(file, table, last)
  }
  const orphans = tables.flatMap(table => orphansIn(file, table))
  refuseValues(orphans, orphans.length, server.address.shown, target)
  await compareAll({ file, server, signal }, counted, meter)
  return { tables: tables.length, rows: counted.reduce((sum, { rows }) => sum + rows, 0) }
}

/** @throws Failure SCHEMA_DRIFT for a table of the migrations that the server lacks */
const refuseMissing = (
  made: ReturnType<typeof readAppSchema>['tables'],
  onServer: ReturnType<typeof tablesOnServer>,
): void => {
  const [missing] = sortTables(made, onServer).others
  if (missing === undefined) return
  const hint = 'Run `migrator verify`, which shows how the server differs from what the migrations make.'
  throw new Failure('SCHEMA_DRIFT', `the server has no table ${missing.name}`, hint)
}

/** How many values are named. */
const named = 20

/** Finds what the file cannot hold, before any row is written. */
const judge = async (
  server: Server,
  table: PairedTable,
  signal: AbortSignal,
): Promise<Readonly<{ rows: number; refused: readonly Refused[]; count: number }>> => {
  const { name, columns, key } = table
  const refused: Refused[] = []
  let rows = 0
  let count = 0
  for await (const lines of copyLines(server, selectOf(server, table, false))) {
    signal.throwIfAborted()
    rows += lines.length
    for (const line of lines) {
      const fields = line.split('\t')
      const shown = (column: PairedColumn): string => {
        const field = must(fields[columns.indexOf(column)])
        return `${column.name} ${field === nullField ? 'NULL' : field}`
      }
      for (const [index, column] of columns.entries()) {
        const reason = refusalOf(column, must(fields[index]))
        if (reason === undefined) continue
        count += 1
        if (refused.length >= named) continue
        const row = (key.length > 0 ? key : columns.slice(0, 3)).map(shown).join(', ')
        refused.push({ table: name, row, column: column.name, reason })
      }
    }
  }
  return { rows, refused, count }
}

/** What SQLite makes a number of where the column's type lets it. */
const isNumeric = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i

const refusalOf = ({ affinity, kind, requiredInFile }: PairedColumn, field: string): string | undefined => {
  if (field === nullField) return requiredInFile ? 'is NULL, and the column is NOT NULL in the file' : undefined
  if (kind.sieve === 'fraction' && field === '-0' && affinity !== 'BLOB') return 'SQLite stores -0 as 0'
  const text = unescapeField(field)
  if (kind.sieve === 'text' && affinity !== 'TEXT' && affinity !== 'BLOB' && isNumeric.test(text))
    return `SQLite stores the text '${text}' as a number in this column`
  return kind.fieldRefusal(text)
}

/** Drops indexes and triggers that CREATE statements made. @returns makes them again */
const setAside = (file: File): (() => void) => {
  const objects = file
    .prepare<[], { type: string; name: string; sql: string }>(
      "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL",
    )
    .all()
  for (const { type, name } of objects) file.exec(`DROP ${type} ${quote(name)}`)
  return () => {
    for (const { sql } of objects) file.exec(sql)
  }
}

const writeTable = async (
  file: File,
  server: Server,
  table: PairedTable,
  signal: AbortSignal,
  onRows: (rows: number) => void,
): Promise<void> => {
  const { name, columns } = table
  const places = columns.map(() => '?').join(', ')
  const insert = file.prepare<[(Value | null)[]]>(
    `INSERT INTO ${quote(name)} (${columns.map(({ name }) => quote(name)).join(', ')}) VALUES (${places})`,
  )
  for await (const lines of copyLines(server, selectOf(server, table, true))) {
    signal.throwIfAborted()
    for (const line of lines) {
      const row = fileRowOf(table, line)
      insert.run(columns.map((column, index) => bound(column, row[index] ?? null)))
    }
    onRows(lines.length)
  }
}

/** The driver binds every number as REAL. */
const bound = ({ kind }: PairedColumn, value: Value | null): Value | null =>
  kind.sieve !== 'fraction' && typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
