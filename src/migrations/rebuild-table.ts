import type { QueryInterface } from 'sequelize'
import { quote } from '../database/tokens.ts'
import { findRowid, readColumns, readTable, select } from './table.ts'

export type RebuildOptions = Readonly<{
  /**
   * For a new column the SQL expression that fills it, out of the old ones (`{ host: "lower(hostname)" }`); without one it
   * gets its default. `null` for an old column that goes.
   */
  copy?: Readonly<Record<string, string | null>>
}>

/**
 * Gives a table another definition and keeps everything in and around it: rows and rowids, the AUTOINCREMENT high mark,
 * indexes, triggers, views, and foreign keys in both directions. For what ALTER TABLE cannot do.
 * SQLite's own procedure: https://www.sqlite.org/lang_altertable.html#otheralter
 * @param createSql CREATE TABLE of the same name, as it shall be
 * @throws Error when a column would vanish without being named in `copy`, or the number of rows changes
 */
export const rebuildTable = async (
  schema: QueryInterface,
  name: string,
  createSql: string,
  { copy = {} }: RebuildOptions = {},
): Promise<void> => {
  const run = (sql: string, bind: readonly unknown[] = []) => schema.sequelize.query(sql, { bind: [...bind] })
  const old = await readTable(schema, name)
  const oldColumns = await readColumns(schema, name)
  const temporary = `rebuilt ${name}`
  await run(nameTable(createSql, name, temporary))
  const fresh = await readTable(schema, temporary)
  const newColumns = await readColumns(schema, temporary)

  const lost = oldColumns.filter(column => column.stored && !newColumns.some(({ name }) => name === column.name))
  const unnamed = lost.filter(column => copy[column.name] !== null).map(column => column.name)
  if (unnamed.length > 0) {
    throw new Error(
      `rebuildTable of ${name} would drop ${unnamed.join(', ')}: name it, { copy: { ${unnamed[0]}: null } }`,
    )
  }
  const kept = newColumns
    .filter(({ stored }) => stored)
    .flatMap(({ name: column }): [string, string][] => {
      const expression = copy[column] ?? (oldColumns.some(({ name }) => name === column) ? quote(column) : undefined)
      return expression === undefined ? [] : [[quote(column), expression]]
    })
  const aliased = newColumns.some(
    ({ name: column, rowidAlias }) => rowidAlias && kept.some(([into]) => into === quote(column)),
  )
  const rowid = findRowid([...oldColumns, ...newColumns])
  if (old.hasRowid && fresh.hasRowid && !aliased && rowid !== undefined) kept.unshift([rowid, rowid])
  const [into, from] = [kept.map(([column]) => column).join(', '), kept.map(([, expression]) => expression).join(', ')]
  await run(`INSERT INTO ${quote(temporary)} (${into}) SELECT ${from} FROM ${quote(name)}`)
  await refuseOtherCount(schema, name, temporary)
  const around = await select(
    schema,
    "SELECT sql FROM sqlite_schema WHERE tbl_name = $1 AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid",
    [name],
  )
  if (old.autoincrement && fresh.autoincrement) {
    // an empty INSERT ... SELECT leaves a row there too
    await run('DELETE FROM sqlite_sequence WHERE name = $1', [temporary])
    for (const mark of old.sequence)
      await run('INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)', [temporary, mark])
  }
  // without it RENAME would look into views and triggers, which name a table that is not there for a moment
  await run('PRAGMA legacy_alter_table = ON')
  await run(`DROP TABLE ${quote(name)}`)
  await run(`ALTER TABLE ${quote(temporary)} RENAME TO ${quote(name)}`)
  await run('PRAGMA legacy_alter_table = OFF')
  for (const { sql } of around) await run(String(sql))
}

/** CREATE TABLE `name` ... as CREATE TABLE `temporary` ... */
const nameTable = (createSql: string, name: string, temporary: string): string => {
  const [all = '', written = ''] = /^\s*CREATE\s+TABLE\s+("(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|\w+)/i.exec(createSql) ?? []
  const bare = /^\w/.test(written) ? written : written.slice(1, -1).replaceAll('""', '"')
  if (bare !== name) throw new Error(`rebuildTable of ${name} needs "CREATE TABLE ${name} (...)", not: ${createSql}`)
  return `CREATE TABLE ${quote(temporary)}${createSql.slice(all.length)}`
}

const refuseOtherCount = async (schema: QueryInterface, name: string, temporary: string): Promise<void> => {
  const sql = `SELECT (SELECT count(*) FROM ${quote(name)}) AS before, (SELECT count(*) FROM ${quote(temporary)}) AS after`
  for (const { before, after } of await select(schema, sql)) {
    if (before !== after) throw new Error(`rebuildTable of ${name} would make ${after} rows of ${before}`)
  }
}
