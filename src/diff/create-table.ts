// This room is about SQLite.
import { must } from '../failure.ts'
import type { Column, ForeignKey, Index, Table } from '../sqlite/schema/read.ts'
import { namedConstraints, readTableText } from '../sqlite/schema/text.ts'
import { isSameSql, quote, sameName, tokensOf, unquote } from '../sqlite/sql.ts'

/** A name as a person would write it: without quotes where SQLite needs none. */
export const nameIn = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/i.test(name) && !isKeyword(name) ? name : quote(name)

/** SQLite's keywords, as far as one of them may not stand where a name is expected: https://www.sqlite.org/lang_keywords.html */
const keywords = new Set(
  `ABORT ADD ALL ALTER ALWAYS ANALYZE AND AS ASC AUTOINCREMENT BEGIN BETWEEN BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT
   CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DEFAULT DEFERRABLE DELETE DESC DISTINCT
   DO DROP ELSE END ESCAPE EXCEPT EXCLUDE EXISTS FALSE FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IN INDEX INNER
   INSERT INTERSECT INTO IS ISNULL JOIN KEY LEFT LIKE LIMIT MATCH NATURAL NO NOT NOTHING NOTNULL NULL OF OFFSET ON OR ORDER
   OUTER OVER PARTITION PLAN PRAGMA PRIMARY RAISE REFERENCES REGEXP REINDEX RENAME REPLACE RETURNING RIGHT ROLLBACK ROW ROWS
   SELECT SET TABLE TEMP THEN TIES TO TRANSACTION TRIGGER TRUE UNION UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE
   WINDOW WITH WITHOUT`.split(/\s+/),
)
const isKeyword = (name: string): boolean => keywords.has(name.toUpperCase())

/** The names of the constraints that a CREATE TABLE names, by what they say. A name is no difference, but a rebuild keeps it. */
type Names = Readonly<{ ofCheck: (check: string) => string; ofKey: (key: ForeignKey) => string }>

export const namesIn = (...tables: readonly Table[]): Names => {
  const named = tables.flatMap(({ sql }) =>
    namedConstraints(sql).map(({ at, ...constraint }) => ({ ...constraint, text: sql.slice(at.start, at.end) })),
  )
  const checks = named
    .filter(({ kind }) => kind.startsWith('CHECK'))
    .flatMap(({ name, text }) => readTableText(`CREATE TABLE it (it, ${text})`).checks.map(check => ({ name, check })))
  const keys = named.flatMap(({ name, columns, parent }) => (parent === null ? [] : { name, columns, parent }))
  const prefix = (name: string | undefined): string => (name === undefined ? '' : `CONSTRAINT ${nameIn(name)} `)
  const isOf = (columns: readonly string[], key: ForeignKey): boolean => sameName(columns.join(), key.columns.join())
  return {
    ofCheck: check => prefix(checks.find(other => isSameSql(other.check, check))?.name),
    ofKey: key => prefix(keys.find(({ columns, parent }) => isOf(columns, key) && sameName(parent, key.parent))?.name),
  }
}

/** The definition of a column, for CREATE TABLE or ADD COLUMN. @param key what stands for its part in the primary key */
export const columnText = (column: Column, key = ''): string =>
  [
    nameIn(column.name),
    column.type,
    key,
    column.collation === 'BINARY' ? '' : `COLLATE ${column.collation}`,
    column.notNull && !column.rowidAlias ? 'NOT NULL' : '',
    column.default === null ? '' : `DEFAULT ${defaultText(column.default)}`,
    column.generated === null
      ? ''
      : `GENERATED ALWAYS AS (${column.generated.expression}) ${column.generated.kind.toUpperCase()}`,
  ]
    .filter(part => part !== '')
    .join(' ')

/** The PRAGMA gives an expression without the parentheses that it needs. */
const defaultText = (text: string): string => {
  const tokens = tokensOf(text)
  const isPlain =
    tokens.length === 1 ||
    (tokens.length === 2 && /^[+-]$/.test(String(tokens[0]?.text)) && tokens[1]?.kind === 'number')
  return isPlain ? text : `(${text})`
}

/** `REFERENCES servers (id) ON DELETE CASCADE` */
export const referenceText = ({ parent, parentColumns, onDelete, onUpdate, deferred }: ForeignKey): string =>
  [
    `REFERENCES ${nameIn(parent)}`,
    parentColumns.length === 0 ? '' : ` (${parentColumns.map(nameIn).join(', ')})`,
    onDelete === 'NO ACTION' ? '' : ` ON DELETE ${onDelete}`,
    onUpdate === 'NO ACTION' ? '' : ` ON UPDATE ${onUpdate}`,
    deferred ? ' DEFERRABLE INITIALLY DEFERRED' : '',
  ].join('')

/** The columns of a UNIQUE in a CREATE TABLE, which has no expressions. */
const uniqueText = (table: Table, { parts }: Index): string => {
  const texts = parts.map(({ of, collation, descending }) => {
    const column = must(table.columns.find(({ name }) => sameName(name, of)))
    const collate = collation === column.collation ? '' : ` COLLATE ${collation}`
    return `${nameIn(column.name)}${collate}${descending ? ' DESC' : ''}`
  })
  return `(${texts.join(', ')})`
}

/** A UNIQUE of a table, which has no name, as an index with one. */
export const indexText = (table: Table, unique: Index, name: string): string =>
  `CREATE UNIQUE INDEX ${nameIn(name)} ON ${nameIn(table.name)} ${uniqueText(table, unique)}`

/** The CREATE TABLE of a table as it was read. @param origins tables whose texts name its constraints */
export const tableText = (table: Table, ...origins: readonly Table[]): string => {
  const keyColumns = table.columns.filter(({ key }) => key > 0).toSorted((a, b) => a.key - b.key)
  const [only, ...others] = keyColumns
  const inline = only !== undefined && others.length === 0 ? keyText(table, only) : undefined
  const names = namesIn(...origins)
  const lines = [
    ...table.columns.map(column => columnText(column, column === only ? inline : undefined)),
    ...(inline === undefined && keyColumns.length > 0
      ? [`PRIMARY KEY (${keyColumns.map(({ name }) => nameIn(name)).join(', ')})`]
      : []),
    ...table.indexes.filter(({ name }) => name === null).map(index => `UNIQUE ${uniqueText(table, index)}`),
    ...table.checks.map(check => `${names.ofCheck(check)}CHECK (${check})`),
    ...table.foreignKeys.map(
      key => `${names.ofKey(key)}FOREIGN KEY (${key.columns.map(nameIn).join(', ')}) ${referenceText(key)}`,
    ),
  ]
  const options = [...(table.withoutRowid ? ['WITHOUT ROWID'] : []), ...(table.strict ? ['STRICT'] : [])].join(', ')
  return `CREATE TABLE ${nameIn(table.name)} (\n  ${lines.join(',\n  ')}\n)${options === '' ? '' : ` ${options}`}`
}

/** DESC keeps an INTEGER key from being the rowid: https://www.sqlite.org/lang_createtable.html#rowid */
const keyText = (table: Table, { type, rowidAlias }: Column): string => {
  if (table.autoincrement) return 'PRIMARY KEY AUTOINCREMENT'
  return /^INTEGER$/i.test(type) && !rowidAlias && !table.withoutRowid ? 'PRIMARY KEY DESC' : 'PRIMARY KEY'
}

/** A statement as SQLite kept it, with quotes that do not have to be escaped in a template of JavaScript. */
export const withoutBackticks = (sql: string): string =>
  tokensOf(sql).reduceRight(
    (text, { kind, text: name, start, end }) =>
      kind === 'name' && name.startsWith('`') ? text.slice(0, start) + nameIn(unquote(name)) + text.slice(end) : text,
    sql,
  )

/** Whether the text of a table says what `tableText` cannot. */
export const isBeyondText = ({ virtual, onConflict }: Table): boolean => virtual || onConflict.length > 0
