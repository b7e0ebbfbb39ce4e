import type { QueryInterface, TableName, Transaction } from 'sequelize'
import type { BackfillOptions, ConstraintOf, OnProgress, RebuildOptions, SchemaEditor } from '../../engine.ts'
import { runStatements } from '../../sql-file.ts'
import type { Connection } from '../connect.ts'
import { quote } from '../sql.ts'
import { statementsOf } from '../statements.ts'
import { backfill } from './backfill.ts'
import { rememberingCall } from './calls.ts'
import { addColumn, removeColumn } from './columns.ts'
import { addConstraint, removeConstraint, type Wanted } from './constraints.ts'
import { type Editing, findTable, run } from './editing.ts'
import { createIndex, dropIndex, findTableToDrop, indexNameIn, isTableThere } from './present.ts'
import { changeColumn, rebuildTable } from './rebuild.ts'
import { nameOf, statementOf } from './sequelize-internals.ts'

type EditorOptions = Readonly<{
  /** called after each batch of a backfill */
  onProgress: OnProgress | undefined
  /** whether another tool made the database: its tables may then differ in what compareSchemas tolerates */
  isAdopted: () => boolean
}>

/**
 * Makes Sequelize's QueryInterface safe for SQLite, in place, so that `sequelize.getQueryInterface()` is safe too.
 *
 * Sequelize emulates five calls by copying a table, and loses child rows, AUTOINCREMENT, CHECK, COLLATE, generated columns,
 * triggers, partial indexes and foreign key actions, all while reporting success
 * (https://github.com/sequelize/sequelize/issues/15927). Here they use SQLite's own ALTER TABLE where it can do that, else a
 * rebuild that keeps everything, or throw with what to do instead. Four others do nothing and report success if a table or index
 * exists already or is missing: here that is an error, unless what exists is what was asked for.
 * All other calls pass through.
 * @param connection the one that `schema` works on
 * @returns `schema` itself
 */
export const makeSafe = (
  connection: Connection,
  schema: QueryInterface,
  { onProgress, isAdopted }: EditorOptions,
): SchemaEditor => {
  const editingBy = (options: Options | undefined): Editing => ({
    connection,
    schema,
    transaction: options?.transaction,
  })
  const own: QueryInterface = Object.getPrototypeOf(schema)
  const inTurn = takeTurns()
  rememberQueries(schema)
  const safe = {
    createTable: inTurn(async (...given: Parameters<QueryInterface['createTable']>) => {
      const create = async (on: QueryInterface): Promise<void> => own.createTable.apply(on, given)
      const sql = await statementOf(schema, create)
      if (!isTableThere(editingBy(undefined), sql, isAdopted())) await create(schema)
    }),
    dropTable: inTurn(async (table: TableName, options?: Options & Readonly<{ force?: boolean }>) => {
      const name = tableOf(table, options)
      // `force` allows a missing table: Sequelize itself uses it in sync({ force: true })
      if (options?.force !== true) findTableToDrop(editingBy(options), name)
      await own.dropTable.call(schema, table, options)
    }),
    addIndex: inTurn(async (...given: Parameters<QueryInterface['addIndex']>) => {
      const sql = await statementOf(schema, on => own.addIndex.apply(on, given))
      const more: readonly unknown[] = given.slice(1)
      await createIndex(editingBy(more.find(isOptions)), nameOf(given[0]), sql)
    }),
    removeIndex: inTurn(async (table: TableName, index: string | string[], options?: Options) => {
      const find = (fields: string[]) => statementOf(schema, on => own.addIndex.call(on, table, { fields }))
      const name = typeof index === 'string' ? index : indexNameIn(await find(index))
      await dropIndex(editingBy(options), tableOf(table, options), name)
    }),
    addColumn: inTurn(async (...[table, name, wanted, options]: Parameters<QueryInterface['addColumn']>) => {
      const add = (column: never) => own.addColumn.call(schema, table, name, column, options)
      await addColumn(editingBy(options as Options), tableOf(table, options as Options), name, wanted, add)
    }),
    removeColumn: inTurn(async (table: TableName, column: string, options?: Options) =>
      removeColumn(editingBy(options), tableOf(table, options), column),
    ),
    renameColumn: inTurn(async (table: TableName, before: string, after: string, options?: Options) => {
      const editing = editingBy(options)
      const { name } = findTable(editing, tableOf(table, options))
      await run(editing, `ALTER TABLE ${quote(name)} RENAME COLUMN ${quote(before)} TO ${quote(after)}`)
    }),
    changeColumn: inTurn(async (table: TableName, column: string, wanted: unknown, options?: Options) =>
      changeColumn(editingBy(options), tableOf(table, options), column, wanted),
    ),
    addConstraint: inTurn(async (table: TableName, wanted?: Wanted & Options) =>
      addConstraint(
        editingBy(wanted),
        tableOf(table, wanted),
        wanted ?? { type: 'constraint without options', fields: [] },
      ),
    ),
    removeConstraint: inTurn(async (table: TableName, which: string | ConstraintOf, options?: Options) =>
      removeConstraint(editingBy(options), tableOf(table, options), which),
    ),
    rebuildTable: inTurn(async (table: string, createSql: string, options?: RebuildOptions) =>
      rebuildTable(editingBy(options), table, createSql, options),
    ),
    backfill: inTurn(async (sql: string, options: BackfillOptions) =>
      backfill(editingBy(options), sql, options, onProgress),
    ),
    runSql: inTurn(async (text: string, file?: string) =>
      runStatements(statementsOf(text), sql => run(editingBy(undefined), sql), file),
    ),
  }
  const { addIndex, removeIndex } = safe
  const concurrent = { addIndexConcurrently: addIndex, removeIndexConcurrently: removeIndex }
  return Object.assign(schema, safe, concurrent) as SchemaEditor
}

/** The options that Sequelize accepts in every call. */
type Options = Readonly<{ schema?: string; transaction?: Transaction | null }>

/** Whether it is neither the names of columns nor a name: addIndex takes its columns in front of the options or inside them. */
const isOptions = (given: unknown): given is Options => typeof given === 'object' && !Array.isArray(given)

/** @throws Error for a schema in the options beside the table: each call of Sequelize resolves it to a different table */
const tableOf = (table: TableName, options: Options | undefined): string => {
  if (typeof table !== 'string' || !options?.schema) return nameOf(table)
  const whole = `{ tableName: '${table}', schema: '${options.schema}' }`
  throw new Error(`the schema ${options.schema} of ${table} has to be named with it: ${whole}`)
}

/** Runs calls one at a time: each is several statements, which must not interleave with those of another. */
const takeTurns = () => {
  let last: Promise<unknown> = Promise.resolve()
  return <Given extends readonly unknown[]>(call: (...given: Given) => Promise<void>) =>
    (...given: Given): Promise<void> =>
      rememberingCall(() => {
        const result = last.then(() => call(...given))
        last = result.catch(() => undefined)
        return result
      })
}

/** Lets every statement and error know the call of Sequelize that it is of. */
const rememberQueries = ({ sequelize }: QueryInterface): void => {
  const query = sequelize.query.bind(sequelize)
  const remembering = (...given: Parameters<typeof query>) => rememberingCall(() => query(...given))
  Object.assign(sequelize, { query: remembering })
}
