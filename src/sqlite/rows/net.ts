import { must } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { unlessUnknownHere } from '../errors.ts'
import { affinityOf } from '../schema/read.ts'
import { quote, quoteType, sameName } from '../sql.ts'
import type { Before } from './before.ts'
import { type Life, presentName, typeIn } from './lives.ts'
import { hasKey, keyColumns, textOfValues } from './row-triggers.ts'

/** The number of missing rows, and the key or values of one of them. */
export type Gone = Readonly<{ rows: number; example: string | null }>

type Compared = Readonly<{
  /** a table as it was before the transaction */
  old: Life
  /** the same table as it is now, or was when dropped */
  last: Life
  /** its successor */
  now: Life
  /** all that its rows passed through: `last`, `now` and those between them */
  way: readonly Life[]
}>

type Pair = Readonly<{ was: string; is: string }>

const nothing: Gone = { rows: 0, example: null }

/**
 * Finds rows of a table that are missing now. A row exists if its primary key does, whatever its other values; without a primary
 * key its rowid or its values decide. Only values count for a row that a statement deleted, and for all rows of a table that was
 * created anew without a statement that copied its rows.
 */
export const findGone = (connection: Connection, before: Before, compared: Compared): Gone => {
  const { old, last, now, way } = compared
  const isSame = last.id === now.id
  const pairs = old.columns.filter(({ stored }) => stored).flatMap(({ name }) => pairOf(compared, name) ?? [])
  const deleted = deletedKeys(way, () => '')
  const rows = { from: before.rowsOf(old), now: `main.${quote(presentName(now))}` }
  const byValues = (where: string): Gone =>
    multiset(
      connection,
      `SELECT ${textOfValues(pairs.map(({ was }) => was))} AS key FROM ${rows.from} ${where}`,
      `SELECT ${textOfValues(pairs.map(({ is }) => is))} AS key FROM ${rows.now}`,
    )
  if (!(isSame || now.sources.includes(last.id))) {
    const isKeyAlone = !pairs.some(({ was }) => isOwn(old, was)) && old.columns.some(({ name }) => isOwn(old, name))
    return before.hasValues(old) && !isKeyAlone ? byValues('') : all(connection, rows.from)
  }
  if (way.some(life => life.deletedFrom)) return byValues('')
  const key = hasKey(old) ? keyPairs(compared) : undefined
  const gone =
    key !== undefined
      ? byKey(connection, rows, compared, key)
      : before.hasValues(old)
        ? withoutKey(connection, before, compared, pairs, byValues)
        : fewer(connection, rows)
  const wasDeleted = connection.prepare(`SELECT EXISTS (${deleted})`).pluck().get() === 1
  if (!wasDeleted || gone.rows > 0) return gone
  const rowid = before.rowidOf(old)
  const keys = hasKey(old) ? keyColumns(old) : rowid === null ? [] : [rowid]
  const where = (which: string): string => `WHERE ${textOfValues(keys)} IN (${which})`
  if (before.hasValues(old)) return byValues(where(deleted))
  // keys do not tell a row that was made anew from one that a copy held meanwhile: nothing held what was deleted before the copy
  const unheld = deletedKeys(way, ({ copiedAt }) => (copiedAt === null ? '' : `AND rowid <= ${copiedAt}`))
  return all(connection, `${rows.from} ${where(unheld)}`)
}

/** Whether a column is stored data outside the primary key. */
const isOwn = ({ columns }: Life, column: string): boolean =>
  columns.some(({ name, key, stored }) => name === column && key === 0 && stored)

/**
 * SQL for the keys that deleted rows had before the transaction: traced back through the key changes of each earlier life.
 * @param which a further condition on the deletes of a life
 */
const deletedKeys = (way: readonly Life[], which: (life: Life) => string): string =>
  way
    .map((life, index) =>
      way.slice(0, index).reduceRight(
        (keys, earlier) =>
          `SELECT coalesce((SELECT was FROM temp."migrator moves" WHERE life = ${earlier.id} AND now = d.key), d.key) AS key
             FROM (${keys}) AS d`,
        `SELECT key FROM temp."migrator deletes" WHERE life = ${life.id} ${which(life)}`,
      ),
    )
    .join(' UNION ALL ')

/** The old and the present name of a column; undefined if it was dropped or is generated now. */
const pairOf = ({ old, last, now }: Compared, name: string): Pair | undefined => {
  const first = old.columns.find(column => column.name === name)?.first
  const then = last.columns.find(column => column.first === first)
  const is =
    last.id === now.id ? then : now.columns.find(column => then !== undefined && sameName(column.name, then.name))
  return is?.stored ? { was: name, is: is.name } : undefined
}

/** Pairs key columns by name; if one is gone, by position with the present primary key, if that has as many columns. */
const keyPairs = (compared: Compared): readonly Pair[] | undefined => {
  const key = keyColumns(compared.old)
  const pairs = key.flatMap(name => pairOf(compared, name) ?? [])
  if (pairs.length === key.length) return pairs
  const present = hasKey(compared.now) ? keyColumns(compared.now) : []
  return present.length === key.length ? key.map((was, index) => ({ was, is: must(present[index]) })) : undefined
}

type Relations = Readonly<{ from: string; now: string }>

const all = (connection: Connection, from: string): Gone => ({
  rows: Number(connection.prepare(`SELECT count(*) FROM ${from}`).pluck().get()),
  example: null,
})

/** Compares only counts: for tables where only keys are known and the key columns are gone. */
const fewer = (connection: Connection, { from, now }: Relations): Gone => ({
  rows: Math.max(0, all(connection, from).rows - all(connection, now).rows),
  example: null,
})

/** Each key must exist at least as often as before. */
const multiset = (connection: Connection, were: string, are: string): Gone =>
  must(
    connection
      .prepare<[], Gone>(
        `SELECT coalesce(sum(e.n - coalesce(a.n, 0)), 0) AS rows, min(e.key) AS example
         FROM (SELECT key, count(*) AS n FROM (${were}) GROUP BY key) AS e
         LEFT JOIN (SELECT key, count(*) AS n FROM (${are}) GROUP BY key) AS a ON a.key = e.key
         WHERE e.n > coalesce(a.n, 0)`,
      )
      .get(),
  )

const byKey = (connection: Connection, rows: Relations, compared: Compared, key: readonly Pair[]): Gone => {
  const { old, now, way } = compared
  const [was, is] = [key.map(pair => pair.was), key.map(pair => pair.is)]
  const isPlain =
    key.every(pair => affinityOf(typeIn(old, pair.was)) === affinityOf(typeIn(now, pair.is))) &&
    ask(connection, `SELECT EXISTS (SELECT 1 FROM temp."migrator moves" WHERE life IN (${idsOf(way)}))`) === 0 &&
    ask(connection, `SELECT EXISTS (SELECT 1 FROM ${rows.from} WHERE ${was.map(isNull).join(' OR ')})`) === 0
  if (!isPlain) return byExpectedKey(connection, rows, compared, key)
  const [first] = key
  const isRowid = key.length === 1 && first !== undefined && sameName(typeIn(old, first.was), 'INTEGER')
  // seek rowids (by =, twice as fast as IS: none is NULL), or merge both indexes
  const lost = isRowid
    ? `SELECT o.${quote(first.was)} FROM ${inRowidOrder(rows.from)} LEFT JOIN ${rows.now} AS n
         ON n.${quote(first.is)} = o.${quote(first.was)} WHERE n.${quote(first.is)} IS NULL`
    : `SELECT ${was.map(quote).join(', ')} FROM ${rows.from} EXCEPT SELECT ${is.map(quote).join(', ')} FROM ${rows.now}
         ORDER BY ${was.map((_, index) => index + 1).join(', ')}`
  // a collation may exist only in the hub
  const [gone] = unlessUnknownHere(() =>
    connection.prepare<[], Gone>(`SELECT count(*) AS rows, min(${textOfValues(was)}) AS example FROM (${lost})`).get(),
  )
  return gone ?? byExpectedKey(connection, rows, compared, key)
}

/** SQLite would take the smallest index, in whose order each seek into the other table finds another page: six times as slow. */
const inRowidOrder = (from: string): string => `${from} AS o NOT INDEXED`

const idsOf = (lives: readonly Life[]): string => lives.map(({ id }) => id).join(', ')

const isNull = (column: string): string => `${quote(column)} IS NULL`

const ask = (connection: Connection, sql: string): unknown => connection.prepare(sql).pluck().get()

/** Computes the key that each row should have now: the old one, converted to the present type, or the one that UPDATE set. */
const byExpectedKey = (connection: Connection, rows: Relations, { now, way }: Compared, key: readonly Pair[]): Gone => {
  const typed = key.map(({ is }, index) => ({ name: `key ${index}`, type: typeIn(now, is) }))
  const names = typed.map(({ name }) => name)
  connection.exec(`
    CREATE TEMP TABLE "migrator keys" (key, nth, ${typed.map(({ name, type }) => `${quote(name)} ${quoteType(type)}`).join(', ')});
    INSERT INTO temp."migrator keys" (${names.map(quote).join(', ')})
      SELECT ${key.map(({ was }) => quote(was)).join(', ')} FROM ${rows.from};
    UPDATE temp."migrator keys" SET key = ${textOfValues(names)}`)
  // many rows may have NULL as their key: move as many as were noted
  for (const { id } of way)
    connection.exec(`
      UPDATE temp."migrator keys" AS k SET nth = n.nth FROM
        (SELECT rowid AS row, row_number() OVER (PARTITION BY key) AS nth FROM temp."migrator keys") AS n
        WHERE n.row = k.rowid;
      UPDATE temp."migrator keys" AS k SET key = m.now FROM
        (SELECT was, now, row_number() OVER (PARTITION BY was) AS nth FROM temp."migrator moves" WHERE life = ${id}) AS m
        WHERE m.was = k.key AND m.nth = k.nth`)
  const present = textOfValues(key.map(pair => pair.is))
  const gone = multiset(connection, 'SELECT key FROM temp."migrator keys"', `SELECT ${present} AS key FROM ${rows.now}`)
  connection.exec('DROP TABLE temp."migrator keys"')
  return gone
}

/**
 * Finds rows by rowid, which is enough in the same table. In another table rowids may have changed: there at least one value must
 * match too, or else all values under any rowid.
 */
const withoutKey = (
  connection: Connection,
  before: Before,
  { old, last, now }: Compared,
  pairs: readonly Pair[],
  byValues: (where: string) => Gone,
): Gone => {
  const rowid = before.rowidOf(old)
  if (rowid === null || now.rowid === null) return byValues('')
  const isAlike = pairs.map(
    ({ was, is }) => `CAST(o.${quote(was)} AS TEXT) = CAST(n.${quote(is)} AS TEXT) COLLATE NOCASE`,
  )
  const isOther = last.id === now.id || isAlike.length === 0 ? '' : `OR coalesce(${isAlike.join(' OR ')}, 0) = 0`
  const lost = `SELECT o.${quote(rowid)} FROM ${inRowidOrder(before.rowsOf(old))} LEFT JOIN main.${quote(presentName(now))} AS n
    ON n.${quote(now.rowid)} = o.${quote(rowid)} WHERE n.${quote(now.rowid)} IS NULL ${isOther}`
  if (all(connection, `(${lost})`).rows === 0) return nothing
  return byValues('')
}
