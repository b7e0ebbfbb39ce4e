import type { Changes, Ledger, Missing, SqlResult, SqlStatement, StatementHook, TableChange } from '../engine.ts'
import { Failure, must } from '../failure.ts'
import { historyTable } from '../history.ts'
import type { Connection } from './connect.ts'
import { findGone } from './gone.ts'
import { watchOrphans } from './orphans.ts'
import { inSchema, statementsOf } from './sql.ts'

/** A table as the server counts it in this transaction. */
type TableState = Readonly<{
  /** the table's identity, through renames */
  oid: number
  schema: string
  name: string
  /** the file that its rows are in: TRUNCATE and a rewrite give it another one */
  file: number
  /** rows that statements of this transaction inserted, also those that were undone; TRUNCATE sets it to 0 */
  inserted: number
  /** rows that statements of this transaction deleted, also in functions and by foreign keys */
  deleted: number
}>

/** What is known of a table during a run. */
type Known = TableState & Readonly<{ rows: number }>

/** A statement that deleted rows of a table, or emptied it. */
type Removal = Readonly<{ oid: number; rows: number; sql: string }>

/**
 * Tracks the rows of a database from now on, in its open transaction, by the server's own counters: no trigger, and no lock on any
 * table. Rows are counted once, and again in tables that a migration wrote.
 * @param spare opens another connection, which sees what was committed before
 * @param reset sets the transaction's settings anew
 */
export const openLedger = async (
  connection: Connection,
  { spare, reset }: Readonly<{ spare: () => Promise<Connection>; reset: () => Promise<void> }>,
): Promise<Ledger> => {
  await requireCounters(connection)
  const start = await countAll(connection, new Map())
  const newOrphans = await watchOrphans(connection)
  const announced = new Set<number>()
  /** how often the id of a table was changed: what one migration announces does not excuse another one */
  const ages = new Map<number, number>()
  const idOf = (oid: number): number => oid + (ages.get(oid) ?? 0) * 2 ** 33
  const renew = (oid: number): void => void ages.set(oid, (ages.get(oid) ?? 0) + 1)
  /** old tables from which rows went that no migration announced, with how many */
  const doubtful = new Map<number, number>()
  /** the same for tables that no other connection sees as they were: this run made them, or announced removals from them */
  const unseen = new Map<number, number>()
  /** rows that were gone before a migration announced removals from their table, after which it could not be told any more */
  const settled: Missing[] = []
  let known = start
  /** what the last statement left */
  let last: ReadonlyMap<number, TableState> = start
  let removesRows: readonly string[] = []
  let removals: Removal[] = []
  let drops = new Map<number, string>()

  const isAnnounced = (...names: readonly string[]): boolean => names.some(name => removesRows.includes(name))

  /** Notes what one statement removed; TRUNCATE resets the server's counters, so a later one would hide it. */
  const note = async (sql: string): Promise<void> => {
    const now = await readTables(connection)
    for (const { oid, schema, name, file, deleted, inserted } of now) {
      const was = last.get(oid)
      const more = deleted - (was?.deleted ?? 0)
      if (more > 0) removals.push({ oid, rows: more, sql })
      // a table that this transaction made is emptied in the file that it has
      if (was === undefined || (was.file === file && inserted >= was.inserted)) continue
      // a rewrite keeps the rows and the counter, TRUNCATE neither; only a function can truncate and insert as many in one statement
      const rows = known.get(oid)?.rows ?? 0
      if (rows === 0 || (inserted > 0 && inserted === was.inserted && onlyRewrites(sql))) continue
      if (inserted > 0 || (await countRows(connection, schema, name)) === 0) removals.push({ oid, rows, sql })
    }
    for (const oid of last.keys()) if (!now.some(table => table.oid === oid)) drops.set(oid, sql)
    last = new Map(now.map(table => [table.oid, table]))
  }

  const around = async (asked: SqlStatement, execute: () => Promise<SqlResult>): Promise<SqlResult> => {
    const result = await execute()
    if (connection.isInTransaction()) await note(asked.sql)
    return result
  }

  const begin = async (names: readonly string[]): Promise<void> => {
    // undoes what the migration before it has SET LOCAL
    await reset()
    if (names.length > 0) settled.push(...(await missingIn(doubtful)))
    removesRows = names
    removals = []
    drops = new Map()
  }

  const changeOf = (was: Known, now: ReadonlyMap<number, Known>): TableChange => {
    const { oid, name, rows } = was
    const present = now.get(oid)
    const own = removals.filter(removal => removal.oid === oid)
    const deleted = own.reduce((sum, removal) => sum + removal.rows, 0)
    const isMeant = isAnnounced(name, present?.name ?? name)
    if (isMeant) announced.add(oid)
    if (isMeant) renew(oid)
    const id = idOf(oid)
    if (isMeant) renew(oid)
    if (!isMeant && deleted > 0) {
      const counts = start.has(oid) && !announced.has(oid) ? doubtful : unseen
      counts.set(oid, (counts.get(oid) ?? 0) + deleted)
    }
    return {
      ...{ id, name, rows, deleted },
      left: present?.rows ?? 0,
      by: own[0]?.sql ?? drops.get(oid) ?? null,
      announced: isMeant,
    }
  }

  const end = async (): Promise<Changes> => {
    const now = await countAll(connection, known)
    const tables = [...known.values()].map(was => changeOf(was, now))
    known = now
    return { tables, orphans: await newOrphans(), unchecked: [], unreadable: [] }
  }

  /** Looks for the rows of tables in doubt, which are in doubt no longer. */
  const missingIn = async (doubts: Map<number, number>): Promise<readonly Missing[]> => {
    const tables = [...doubts].flatMap(([oid, rows]) => {
      const now = known.get(oid)
      return now === undefined ? [] : [{ was: must(start.get(oid)), now, rows }]
    })
    doubts.clear()
    if (tables.length === 0) return []
    const other = await spare()
    try {
      const found: Missing[] = []
      for (const { was, now, rows } of tables) {
        const gone = await findGone(connection, other, { was, now, deleted: Math.min(rows, was.rows) })
        if (gone.rows > 0) found.push({ id: idOf(was.oid), name: was.name, ...gone })
      }
      return found
    } finally {
      other.destroy()
    }
  }

  const missing = async (): Promise<readonly Missing[]> => {
    const uncompared = [...unseen].flatMap(([id, rows]) => {
      const name = known.get(id)?.name
      return name === undefined ? [] : [{ id: idOf(id), name, rows, example: null }]
    })
    return [...uncompared, ...settled, ...(await missingIn(doubtful))]
  }

  return {
    around: toHook(around),
    isOpen: connection.isInTransaction,
    begin,
    end,
    missing,
    finish: async () => undefined,
  }
}

/** Whether a text consists of statements that may write a table anew, and neither empty it nor insert into it. */
const onlyRewrites = (sql: string): boolean => statementsOf(sql).every(({ sql }) => /^(?:ALTER|CLUSTER)\b/i.test(sql))

/** @throws Failure SERVER_UNSUITABLE where the server does not count the rows that statements delete */
const requireCounters = async (connection: Connection): Promise<void> => {
  const [setting] = await connection.rows<{ value: string }>("SELECT current_setting('track_counts') AS value")
  if (setting?.value === 'on') return
  const { shown } = connection.address
  const hint =
    'Set track_counts = on, its default, for the server, the database and the role: lost rows are noticed by it.'
  throw new Failure('SERVER_UNSUITABLE', `${shown} does not count what statements delete: track_counts is off`, hint)
}

/** A hook around statements whose results are promises. */
type ServerHook = (asked: SqlStatement, execute: () => Promise<SqlResult>) => Promise<SqlResult>

/** The hook for the contract: on a server every result is a promise. */
const toHook = (hook: ServerHook): StatementHook => hook as unknown as StatementHook

/** Counts the rows of all tables of the schema; those that were not written since stay as they are known. */
const countAll = async (
  connection: Connection,
  known: ReadonlyMap<number, Known>,
): Promise<ReadonlyMap<number, Known>> => {
  const counted = new Map<number, Known>()
  for (const table of await readTables(connection)) {
    const was = known.get(table.oid)
    const isSame =
      was !== undefined && was.file === table.file && was.inserted === table.inserted && was.deleted === table.deleted
    counted.set(table.oid, {
      ...table,
      rows: isSame ? was.rows : await countRows(connection, table.schema, table.name),
    })
  }
  return counted
}

const countRows = async (connection: Connection, schema: string, name: string): Promise<number> => {
  const [counted] = await connection.rows<{ rows: number }>(`SELECT count(*) AS rows FROM ${inSchema(schema, name)}`)
  return must(counted).rows
}

/** The tables of the schema but for the history, each partition by itself. */
const readTables = (connection: Connection): Promise<readonly TableState[]> =>
  connection.rows<TableState>(
    `SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, c.relfilenode::int8 AS file,
       pg_stat_get_xact_tuples_inserted(c.oid) AS inserted, pg_stat_get_xact_tuples_deleted(c.oid) AS deleted
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> $2 ORDER BY c.relname COLLATE "C"`,
    [connection.address.schema, historyTable],
  )
