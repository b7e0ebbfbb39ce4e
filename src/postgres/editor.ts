import { type QueryInterface, QueryTypes, type TableName } from 'sequelize'
import type { BackfillOptions, ConstraintOf, OnProgress, SchemaEditor } from '../engine.ts'
import { runStatements } from '../sql-file.ts'
import { backfill } from './backfill.ts'
import type { Connection } from './connect.ts'
import { changeKey, removeDescribed } from './constraints.ts'
import { detailsOf, withQuery } from './sequelize-internals.ts'
import { inSchema, quote, statementsOf } from './sql.ts'

/** The options that Sequelize accepts in every call. */
type Options = Readonly<{ schema?: string; force?: boolean; cascade?: boolean; concurrently?: boolean }>

/**
 * Makes Sequelize's QueryInterface safe for PostgreSQL, in place, so that `sequelize.getQueryInterface()` is safe too.
 *
 * Sequelize's changeColumn drops NOT NULL and the default with every change of a type; createTable, dropTable and removeIndex do
 * nothing and report success where the thing is there already or missing; dropTable with `force` takes what depends on the table
 * along; types of ENUM columns stay when their column goes; changeColumn with `references` adds a second foreign key. Here each does what it says, or is an error.
 * @param connection the one that `schema` works on
 * @returns `schema` itself
 */
export const makeSafe = (
  connection: Connection,
  schema: QueryInterface,
  onProgress: OnProgress | undefined,
): SchemaEditor => {
  const own: QueryInterface = Object.getPrototypeOf(schema)
  const run = async (sql: string): Promise<void> => {
    await schema.sequelize.query(sql)
  }
  /** Each statement of a text that Sequelize made of several. */
  const apart = (keeps: (sql: string) => boolean = () => true): QueryInterface =>
    withQuery(schema, async (sql, options) => {
      const isRead = (options as Readonly<{ type?: unknown }> | undefined)?.type === QueryTypes.SELECT
      if (isRead) return schema.sequelize.query(sql, options)
      for (const statement of statementsOf(sql))
        if (keeps(statement.sql)) await schema.sequelize.query(statement.sql, options)
      return undefined
    })
  const nameOf = (table: TableName, options?: object): string => {
    const details = detailsOf(schema, table, options)
    return inSchema(details.schema, details.tableName)
  }
  const isThere = async (relation: string, kinds: string): Promise<boolean> =>
    (
      await connection.rows('SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind = ANY ($2)', [
        ...[relation, kinds.split('')],
      ])
    ).length > 0
  /** @throws Error if there is no such table */
  const requireTable = async (table: TableName, options?: Options): Promise<string> => {
    const name = nameOf(table, options)
    if (!(await isThere(name, 'rp'))) throw new Error(`there is no table ${name}`)
    return name
  }
  /** Drops the types that Sequelize made for ENUM columns of a table, of those that are of no column any more. */
  const dropTypes = async (types: readonly string[]): Promise<void> => {
    for (const type of types) {
      const used = 'SELECT FROM pg_attribute WHERE atttypid IN (to_regtype($1), to_regtype($2)) AND NOT attisdropped'
      if ((await connection.rows(used, [type, `${type}[]`])).length === 0) await run(`DROP TYPE ${type}`)
    }
  }
  const typesOf = async (table: string, column: string | null): Promise<readonly string[]> => {
    const types = await connection.rows<{ type: string }>(
      `SELECT DISTINCT format('%I.%I', n.nspname, t.typname) AS type
       FROM pg_attribute AS a JOIN pg_type AS c ON c.oid = a.atttypid JOIN pg_type AS t ON t.oid IN (c.oid, c.typelem)
         JOIN pg_class AS r ON r.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = t.typnamespace
       WHERE r.oid = to_regclass($1) AND t.typtype = 'e' AND ($2::text IS NULL OR a.attname = $2)
         AND t.typname = format('enum_%s_%s', r.relname, a.attname)`,
      [table, column],
    )
    return types.map(({ type }) => type)
  }

  const safe = {
    createTable: async (...given: Parameters<QueryInterface['createTable']>) => {
      const name = nameOf(given[0], given[2])
      if (await isThere(name, 'rpvmfS')) throw new Error(`relation ${name} already exists`)
      await own.createTable.apply(apart(), given)
    },
    dropTable: async (table: TableName, options: Options = {}) => {
      const name = nameOf(table, options)
      if (!(await isThere(name, 'rp'))) {
        if (options.force === true) return
        throw new Error(`there is no table ${name}`)
      }
      const types = await typesOf(name, null)
      await run(`DROP TABLE ${name}${options.cascade === true ? ' CASCADE' : ''}`)
      await dropTypes(types)
    },
    addColumn: async (...[table, name, column, options]: Parameters<QueryInterface['addColumn']>) => {
      await requireTable(table, options as Options)
      await own.addColumn.call(apart(), detailsOf(schema, table, options as object), name, column, options)
    },
    removeColumn: async (table: TableName, column: string, options?: Options) => {
      const name = await requireTable(table, options)
      const types = await typesOf(name, column)
      await run(`ALTER TABLE ${name} DROP COLUMN ${quote(column)}`)
      await dropTypes(types)
    },
    renameColumn: async (table: TableName, before: string, after: string, options?: Options) => {
      const name = await requireTable(table, options)
      await run(`ALTER TABLE ${name} RENAME COLUMN ${quote(before)} TO ${quote(after)}`)
    },
    changeColumn: async (table: TableName, column: string, wanted: unknown, options?: Options) => {
      const whole = await requireTable(table, options)
      const { references, onDelete, onUpdate, ...rest } = definitionOf(wanted)
      const to = references ? { parent: nameOf(references.model, options), column: references.key ?? 'id' } : undefined
      const isAboutKey = to !== undefined || onDelete !== undefined || onUpdate !== undefined
      // where the key is there, Sequelize would add a second one
      const hasKey = isAboutKey && (await changeKey(connection, run, whole, column, { to, onDelete, onUpdate }))
      if (hasKey && Object.keys(rest).length === 0) return
      const isKept = (statement: string): boolean =>
        !(
          (/ DROP NOT NULL$/.test(statement) && !('allowNull' in rest)) ||
          (/ DROP DEFAULT$/.test(statement) && !('defaultValue' in rest))
        )
      const left = (hasKey ? rest : wanted) as never
      await own.changeColumn.call(apart(isKept), detailsOf(schema, table, options), column, left)
    },
    addIndex: async (...given: Parameters<QueryInterface['addIndex']>) => {
      if (given.some(argument => isConcurrent(argument))) throw notOnline('addIndex with "concurrently"')
      await own.addIndex.apply(schema, given)
    },
    removeIndex: async (table: TableName, index: string | string[], options?: Options) => {
      const details = detailsOf(schema, table, options)
      const name = typeof index === 'string' ? index : `${details.tableName}_${index.join('_')}`
      const whole = inSchema(details.schema, name)
      if (!(await isThere(whole, 'iI'))) throw new Error(`there is no index ${whole}`)
      await run(`DROP INDEX ${whole}`)
    },
    describeTable: async (table: TableName, options?: Options) => {
      await requireTable(table, options)
      return own.describeTable.call(schema, detailsOf(schema, table, options) as never)
    },
    removeConstraint: async (table: TableName, which: string | ConstraintOf, options?: Options) => {
      const whole = await requireTable(table, options)
      if (typeof which === 'string') return run(`ALTER TABLE ${whole} DROP CONSTRAINT ${quote(which)}`)
      const parent = which.references && nameOf(which.references.table, options)
      await removeDescribed(connection, run, whole, which, parent)
    },
    rebuildTable: async (table: string) => {
      const cure =
        'PostgreSQL alters a table in place: use changeColumn, addConstraint, removeConstraint or ALTER TABLE'
      throw new Error(`rebuildTable of ${table} is for SQLite. ${cure}`)
    },
    backfill: (sql: string, options: BackfillOptions) => backfill(connection, schema, sql, options, onProgress),
    runSql: (text: string, file?: string) => runStatements(statementsOf(text), run, file),
    addIndexConcurrently: async () => Promise.reject(notOnline('addIndexConcurrently')),
    removeIndexConcurrently: async () => Promise.reject(notOnline('removeIndexConcurrently')),
  }
  return Object.assign(schema, safe) as unknown as SchemaEditor
}

const notOnline = (call: string): Error =>
  new Error(
    `${call} needs a migration outside of a transaction, of its own: export const online = true, and addIndexConcurrently or removeIndexConcurrently in its up`,
  )

const isConcurrent = (argument: unknown): boolean =>
  typeof argument === 'object' && argument !== null && 'concurrently' in argument && argument.concurrently === true

type Definition = Readonly<{
  references?: Readonly<{ model: TableName; key?: string }> | null
  onDelete?: string
  onUpdate?: string
}>

/** A definition of a column; nothing for a type alone. */
const definitionOf = (wanted: unknown): Definition =>
  typeof wanted === 'object' && wanted !== null && [Object.prototype, null].includes(Object.getPrototypeOf(wanted))
    ? wanted
    : {}
