import { noResult, type SqlResult, type SqlStatement } from '../engine.ts'
import { must, reasonOf } from '../failure.ts'
import type { SqliteHook } from './bridge/session.ts'
import type { Connection } from './connect.ts'
import { type Column, type ForeignKey, readSchema, type Schema, tableNamed } from './schema/read.ts'
import { changesRows, foldName, keywordOf, quote, sameName } from './sql.ts'

const readsOnly = /^(?:SELECT|VALUES|EXPLAIN)$/

/** How many keys of deleted rows go into one statement. */
const atATime = 500

const acts = (action: string): boolean => /^(?:CASCADE|SET NULL|SET DEFAULT)$/.test(action)

/** A foreign key with an action; `defaults` are for SET DEFAULT. */
type Key = ForeignKey & Readonly<{ child: string; own: readonly Column[]; defaults: readonly string[] }>

/** A key of a parent table, and the foreign keys that reference it. */
type Parent = Readonly<{ table: string; columns: readonly Column[]; keys: readonly Key[] }>

/**
 * Foreign keys are off during migrations, because with them on DROP TABLE deletes child rows. This hook runs their actions (ON
 * DELETE and ON UPDATE CASCADE, SET NULL, SET DEFAULT) as separate statements after each one that deletes parent rows or changes
 * their keys. They count as statements of the migration: watched, recorded and counted like its own.
 *
 * A row that the same statement puts back, as REPLACE does, is not deleted.
 */
export const withKeyActions = (connection: Connection, around: SqliteHook): SqliteHook => {
  let known: Readonly<{ version: unknown; parents: readonly Parent[] }> = { version: undefined, parents: [] }

  const startWatching = (): readonly Parent[] => {
    const version = connection.pragma('schema_version', { simple: true })
    const isWatching = known.parents.length * 2 === watchers(connection).filter(({ type }) => type === 'trigger').length
    if (version === known.version && isWatching) return known.parents
    stopWatching(connection)
    known = { version, parents: hasActions(connection) ? parentsIn(readSchema(connection)) : [] }
    for (const [index, parent] of known.parents.entries()) connection.exec(watchSql(parent, index))
    return known.parents
  }

  /** Runs the actions for the rows that were deleted or changed; recursive, because actions can trigger others. */
  const act = (parents: readonly Parent[]): void => {
    const pending = parents.flatMap((parent, index) => takeChanges(connection, parent, index))
    for (const { sql, key } of pending) {
      const asked: SqlStatement = { sql, bound: [] }
      around(asked, () => runAction(connection, sql, key))
    }
    if (pending.length > 0) act(parents)
  }

  return (asked, execute) =>
    around(asked, () => {
      const keyword = keywordOf(asked.sql)
      if (!changesRows.test(keyword)) {
        // ALTER TABLE parses every trigger, and ROLLBACK TO must not restore some that are gone
        if (!readsOnly.test(keyword)) stopWatching(connection)
        return execute()
      }
      const parents = startWatching()
      return parents.length === 0 ? execute() : atOnce(connection, execute, () => act(parents))
    })
}

/** Makes a statement and its actions atomic. */
const atOnce = (connection: Connection, execute: () => SqlResult, act: () => void): SqlResult => {
  connection.exec('SAVEPOINT "key actions"')
  try {
    const result = execute()
    act()
    connection.exec('RELEASE "key actions"')
    return result
  } catch (error) {
    // SQLite itself may have rolled back everything
    if (connection.inTransaction) connection.exec('ROLLBACK TO "key actions"; RELEASE "key actions"')
    throw error
  }
}

/** The temporary tables and triggers that watch parents, including those that a former migration left. */
const watchers = (connection: Connection): readonly Readonly<{ type: string; name: string }>[] =>
  connection
    .prepare<[], { type: string; name: string }>(
      "SELECT type, name FROM temp.sqlite_schema WHERE name GLOB 'migrator key *' ORDER BY type DESC",
    )
    .all()

const stopWatching = (connection: Connection): void => {
  for (const { type, name } of watchers(connection)) connection.exec(`DROP ${type} temp.${quote(name)}`)
}

const hasActions = (connection: Connection): boolean =>
  connection
    .prepare(
      `SELECT 1 FROM pragma_table_list AS t, pragma_foreign_key_list(t.name, 'main') AS k
       WHERE t.schema = 'main' AND t.type = 'table' AND NOT (k.on_delete IN ('NO ACTION', 'RESTRICT') AND k.on_update IN ('NO ACTION', 'RESTRICT'))`,
    )
    .get() !== undefined

/** The keys of existing parent tables, each with the foreign keys that reference it and have an action. */
const parentsIn = (structure: Schema): readonly Parent[] => {
  const keys = structure.tables.flatMap(({ name: child, columns, foreignKeys }) =>
    foreignKeys
      .filter(({ onDelete, onUpdate }) => acts(onDelete) || acts(onUpdate))
      .map((key): Key => {
        const own = key.columns.map(name => must(columns.find(column => sameName(column.name, name))))
        return { ...key, child, own, defaults: own.map(column => column.default ?? 'NULL') }
      }),
  )
  const groups = Map.groupBy(keys, ({ parent, parentColumns }) => foldName([parent, ...parentColumns].join('\0')))
  return [...groups.values()].flatMap(group =>
    group.slice(0, 1).flatMap(({ parent, parentColumns }) => {
      const table = tableNamed(structure, parent)
      const columns = parentColumns.flatMap(name => table?.columns.find(column => sameName(column.name, name)) ?? [])
      const isWhole = table !== undefined && columns.length > 0 && columns.length === parentColumns.length
      return isWhole ? [{ table: table.name, columns, keys: group }] : []
    }),
  )
}

const watched = (index: number): string => quote(`migrator key ${index}`)
const of = (what: string, columns: readonly Column[]): string => columns.map((_, index) => `${what}${index}`).join(', ')

/** The temporary table and triggers that record the deleted and changed keys of a parent. */
const watchSql = ({ table, columns }: Parent, index: number): string => {
  const valuesOf = (row: string) => columns.map(({ name }) => `${row}.${quote(name)}`)
  const changes = columns.map(({ name }) => `OLD.${quote(name)} IS NOT NEW.${quote(name)}`).join(' OR ')
  const trigger = (when: string, condition: string, values: readonly string[]) => `
    CREATE TEMP TRIGGER ${quote(`migrator key ${index} ${when}`)} AFTER ${when} ON main.${quote(table)} ${condition} BEGIN
      INSERT INTO ${watched(index)} VALUES (${values.join(', ')});
    END;`
  const nulls = columns.map(() => 'NULL')
  return `CREATE TEMP TABLE ${watched(index)} (${of('old', columns)}, ${of('new', columns)}, gone);
    ${trigger('DELETE', '', [...valuesOf('OLD'), ...nulls, '1'])}
    ${trigger('UPDATE', `WHEN ${changes}`, [...valuesOf('OLD'), ...valuesOf('NEW'), '0'])}`
}

/** The statements of the foreign key actions for the recorded keys. Deletes the records. */
const takeChanges = (
  connection: Connection,
  parent: Parent,
  index: number,
): readonly Readonly<{ sql: string; key: Key }>[] => {
  const table = `temp.${watched(index)}`
  const literals = (what: string) => parent.columns.map((_, place) => `quote(${what}${place})`).join(" || ', ' || ")
  const isThere = parent.columns.map(({ name }, place) => `${quote(name)} = +old${place}`).join(' AND ')
  const rows = connection
    .prepare<[], { was: string; became: string; gone: number }>(
      `SELECT ${literals('old')} AS was, ${literals('new')} AS became, gone FROM ${table}
       WHERE NOT gone OR NOT EXISTS (SELECT 1 FROM main.${quote(parent.table)} WHERE ${isThere}) ORDER BY rowid`,
    )
    .all()
  if (rows.length === 0 && connection.prepare(`SELECT 1 FROM ${table}`).get() === undefined) return []
  connection.exec(`DELETE FROM ${table}`)
  const gone = rows.filter(row => row.gone === 1).map(({ was }) => was)
  return parent.keys.flatMap(key => [
    ...(acts(key.onDelete) ? chunks(gone).map(keys => ({ key, sql: onDelete(key, whose(parent, key, keys)) })) : []),
    ...(acts(key.onUpdate)
      ? rows
          .filter(row => row.gone === 0)
          .map(({ was, became }) => ({ key, sql: onUpdate(key, whose(parent, key, [was]), became) }))
      : []),
  ])
}

const chunks = (all: readonly string[]): readonly (readonly string[])[] =>
  all.length === 0 ? [] : [all.slice(0, atATime), ...chunks(all.slice(atATime))]

const namesOf = ({ columns }: Key): string => `(${columns.map(quote).join(', ')})`

/**
 * The condition for the children of these parents: both are compared as columns, by the collation of the parent. Only where the
 * child has the same affinity and collation can it use an index. https://www.sqlite.org/datatype3.html#comparison_expressions
 */
const whose = ({ columns }: Parent, key: Key, keys: readonly string[]): string => {
  const values = `VALUES ${keys.map(one => `(${one})`).join(', ')}`
  const pairs = columns.map((parent, place) => ({
    ...{ parent, child: must(key.own[place]) },
    value: `column${place + 1}`,
  }))
  const isAlike = ({ parent, child }: (typeof pairs)[number]) =>
    child.affinity === parent.affinity && sameName(child.collation, parent.collation)
  if (pairs.every(isAlike)) return `WHERE ${namesOf(key)} IN (${values})`
  const isIt = pairs.map(({ parent, child, value }) => {
    const column = `${quote(key.child)}.${quote(child.name)}`
    const by = `COLLATE ${quote(parent.collation)} =`
    if (parent.affinity === 'BLOB') return `${value} ${by} ${child.affinity === 'TEXT' ? '+' : ''}${column}`
    // a CAST has the affinity of a column; it would change a text in a column of numbers
    const typed = `CAST(${value} AS ${parent.affinity})`
    return `iif(${typed} IS ${value}, ${typed} ${by} ${column}, ${value} ${by} ${column})`
  })
  return `WHERE EXISTS (SELECT 1 FROM (${values}) WHERE ${isIt.join(' AND ')})`
}

const onDelete = (key: Key, which: string): string => {
  if (key.onDelete === 'CASCADE') return `DELETE FROM ${quote(key.child)} ${which}`
  return `UPDATE ${quote(key.child)} SET ${assign(key, key.onDelete)} ${which}`
}

const onUpdate = (key: Key, which: string, became: string): string => {
  const set = key.onUpdate === 'CASCADE' ? `${namesOf(key)} = (${became})` : assign(key, key.onUpdate)
  return `UPDATE ${quote(key.child)} SET ${set} ${which}`
}

/** SET NULL, or SET DEFAULT. */
const assign = ({ columns, defaults }: Key, action: string): string =>
  columns.map((column, index) => `${quote(column)} = ${action === 'SET NULL' ? 'NULL' : defaults[index]}`).join(', ')

const runAction = (connection: Connection, sql: string, { child, columns, parent }: Key): SqlResult => {
  try {
    return { ...noResult, sql, changes: connection.prepare(sql).run().changes }
  } catch (error) {
    const key = `the foreign key of ${child} (${columns.join(', ')}) to ${parent}`
    throw new Error(`${key} cannot act: ${reasonOf(error)}, by ${sql}`, { cause: error })
  }
}
