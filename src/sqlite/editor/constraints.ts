import type { AddConstraintOptions, TableName } from 'sequelize'
import type { ConstraintOf } from '../../engine.ts'
import { defaultUniqueNames } from '../schema/compare.ts'
import type { Table } from '../schema/read.ts'
import { type Constraint, namedConstraints, readTableText, withConstraint, withoutConstraint } from '../schema/text.ts'
import { foldName, hasName, isSameSql, quote, sameName } from '../sql.ts'
import { describeBroken, type Rows } from './broken-rows.ts'
import { atomically, type Editing, findTable, run } from './editing.ts'
import { createIndex } from './present.ts'
import { redefineTable } from './rebuild.ts'
import { constraintSql, nameOf } from './sequelize-internals.ts'

/** The options that Sequelize accepts for a constraint, more than its types say. */
export type Wanted = Readonly<{
  type: string
  name?: string
  fields: readonly (string | Readonly<{ name?: string; attribute?: string }>)[]
  references?: Readonly<{ table: TableName }>
  deferrable?: unknown
}>

/**
 * Adds a constraint, by default under Sequelize's name: UNIQUE as a unique index, CHECK by ALTER TABLE, a foreign key by a
 * rebuild. An identical one that exists already is left alone.
 * @throws Error for any other kind, if one of that name exists in another form, or if a row breaks it; nothing is changed then
 */
export const addConstraint = async (editing: Editing, tableName: string, wanted: Wanted): Promise<void> => {
  const table = findTable(editing, tableName)
  const type = String(wanted.type).toUpperCase()
  const fields = fieldsOf(table, wanted)
  if (type === 'UNIQUE' && wanted.deferrable === undefined) {
    const [usual] = defaultUniqueNames(table.name, fields)
    return createIndex(
      editing,
      table.name,
      `CREATE UNIQUE INDEX ${quote(wanted.name ?? usual)} ON ${quote(table.name)} (${fields.map(quote).join(', ')})`,
    )
  }
  if (type !== 'CHECK' && type !== 'FOREIGN KEY') {
    const what = wanted.deferrable === undefined ? wanted.type : `deferrable ${wanted.type}`
    throw new Error(`addConstraint cannot make a ${what}: use context.rebuildTable(table, createSql)`)
  }
  const usual =
    type === 'CHECK'
      ? `${[table.name, ...fields].join('_')}_ck`
      : defaultKeyNames(table.name, fields, parentOf(wanted))[0]
  const name = wanted.name ?? usual
  const sql = snippet(editing, table.name, { ...wanted, type, fields, name })
  const present = namedConstraints(table.sql).find(constraint => sameName(constraint.name, name))
  if (present !== undefined) {
    const is = table.sql.slice(present.at.start, present.at.end)
    if (isSameSql(is, sql)) return
    const cure = `use removeConstraint('${table.name}', '${name}') first`
    throw new Error(
      `addConstraint to ${table.name}: there is already one of that name with a different definition: ${is}: ${cure}`,
    )
  }
  if (type === 'FOREIGN KEY') return redefineTable(editing, table.name, withConstraint(table.sql, sql))
  for (const check of readTableText(`CREATE TABLE it (it, ${sql})`).checks) {
    const broken = describeBroken(rowsOf(editing, table), check)
    if (broken !== undefined) throw new Error(`addConstraint ${name}: ${broken}`)
  }
  await run(editing, `ALTER TABLE ${quote(table.name)} ADD ${sql}`)
}

/**
 * Removes a constraint by its name, also by the default name that addConstraint gave it in another version of this program; or each
 * UNIQUE, foreign key or CHECK of some columns.
 * @throws Error for a primary key, and if there is none such
 */
export const removeConstraint = async (editing: Editing, table: string, which: string | ConstraintOf): Promise<void> =>
  typeof which === 'string' ? removeNamed(editing, table, which) : removeDescribed(editing, table, which)

const kinds: Readonly<Record<string, RegExp>> = {
  UNIQUE: /^UNIQUE/,
  'FOREIGN KEY': /^(?:FOREIGN|REFERENCES) /,
  CHECK: /^CHECK /,
}

const removeDescribed = async (editing: Editing, tableName: string, { type, fields, references }: ConstraintOf) => {
  const table = findTable(editing, tableName)
  const kind = String(type).toUpperCase()
  const pattern = kinds[kind]
  if (pattern === undefined || !Array.isArray(fields) || fields.length === 0) {
    const sample = `removeConstraint('${table.name}', { type: 'unique', fields: ['name'] })`
    const how = `${sample}, with unique, foreign key or check; a primary key takes context.rebuildTable`
    throw new Error(`removeConstraint of ${table.name} takes a name, or columns as in ${how}`)
  }
  const all = table.columns.map(({ name }) => name)
  const wanted = columnsKey(fields)
  const parent = references === undefined ? null : nameOf(references.table)
  const isIt = (constraint: Constraint): boolean =>
    pattern.test(constraint.kind) &&
    // a CHECK has words that are no columns
    columnsKey(constraint.columns.filter(name => kind !== 'CHECK' || hasName(all, name))) === wanted &&
    (parent === null || (constraint.parent !== null && sameName(constraint.parent, parent)))
  const found = readTableText(table.sql).constraints.filter(isIt)
  const indexes = table.indexes.filter(
    ({ name, unique, where, parts }) =>
      kind === 'UNIQUE' &&
      name !== null &&
      unique &&
      where === null &&
      columnsKey(parts.map(({ of }) => of)) === wanted,
  )
  if (found.length + indexes.length === 0) {
    const there = readTableText(table.sql).constraints.flatMap(({ kind, at }) =>
      Object.values(kinds).some(known => known.test(kind)) ? table.sql.slice(at.start, at.end) : [],
    )
    const are = there.length === 0 ? 'none in its CREATE TABLE' : there.join(', ')
    throw new Error(`${table.name} has no ${kind.toLowerCase()} of ${fields.join(', ')}; there is ${are}`)
  }
  await atomically(editing, async () => {
    for (const { name } of indexes) await run(editing, `DROP INDEX ${quote(String(name))}`)
    if (found.length > 0) await redefineTable(editing, table.name, found.reduceRight(withoutConstraint, table.sql))
  })
}

/** Columns as one text, in any order and case. */
const columnsKey = (columns: readonly string[]): string => [...new Set(columns.map(foldName))].sort().join('\0')

const removeNamed = async (editing: Editing, tableName: string, name: string): Promise<void> => {
  const table = findTable(editing, tableName)
  const constraints = namedConstraints(table.sql)
  const indexes = table.indexes.flatMap(index => index.name ?? [])
  const names = [...indexes, ...constraints.map(constraint => constraint.name)]
  const own = [name, ...otherNames(table, name)].flatMap(
    wanted => names.find(present => sameName(present, wanted)) ?? [],
  )[0]
  if (own === undefined) {
    const there = names.length === 0 ? 'none with a name' : names.join(', ')
    throw new Error(
      `${table.name} has no constraint ${name}; there is ${there}. One without a name is removed by its columns: removeConstraint('${table.name}', { type: 'unique', fields: ['name'] })`,
    )
  }
  const constraint = constraints.find(candidate => sameName(candidate.name, own))
  if (constraint === undefined) return run(editing, `DROP INDEX ${quote(own)}`)
  if (constraint.kind.startsWith('UNIQUE')) {
    return redefineTable(editing, table.name, withoutConstraint(table.sql, constraint))
  }
  if (constraint.kind.startsWith('PRIMARY')) {
    throw new Error(`removeConstraint of ${own}, a primary key: use context.rebuildTable(table, createSql)`)
  }
  await run(editing, `ALTER TABLE ${quote(table.name)} DROP CONSTRAINT ${quote(own)}`)
}

/** The column names of a constraint, as the table spells them. @throws Error for an unknown column */
const fieldsOf = (table: Table, { fields }: Wanted): readonly string[] => {
  if (!Array.isArray(fields)) throw new Error(`addConstraint to ${table.name} needs its columns: { fields: ['name'] }`)
  return fields.map(field => {
    const name = typeof field === 'string' ? field : (field.name ?? field.attribute)
    const column = table.columns.find(candidate => sameName(candidate.name, String(name)))
    if (column === undefined) throw new Error(`addConstraint to ${table.name}, which has no column ${name}`)
    return column.name
  })
}

const parentOf = ({ references }: Wanted): string => (references === undefined ? '' : nameOf(references.table))

/** The SQL from Sequelize, plus `deferrable`, which Sequelize ignores on SQLite. */
const snippet = ({ schema }: Editing, table: string, { deferrable, ...wanted }: Wanted): string => {
  const sql = constraintSql(schema, table, wanted as unknown as AddConstraintOptions)
  return deferrable === undefined ? sql : `${sql} ${deferrable}`
}

const rowsOf = ({ connection }: Editing, { name, columns }: Table): Rows => ({
  connection,
  table: name,
  columns: columns.map(column => column.name),
  from: quote(name),
})

/** The default names of a foreign key from addConstraint: Sequelize's, and the former one of this program. */
const defaultKeyNames = (
  table: string,
  columns: readonly string[],
  parent: string,
): readonly [now: string, once: string] => {
  const name = [table, ...columns].join('_')
  return [`${name}_${parent}_fk`, `${name}_foreign_key`]
}

/** Other default names that addConstraint may have given to the constraint called `name`. */
const otherNames = (table: Table, name: string): readonly string[] => {
  const pairs = [
    ...table.indexes.map(({ parts }) =>
      defaultUniqueNames(
        table.name,
        parts.map(({ of }) => of),
      ),
    ),
    ...table.foreignKeys.map(({ columns, parent }) => defaultKeyNames(table.name, columns, parent)),
    [name.replace(/_check$/i, '_ck'), name.replace(/_ck$/i, '_check')],
  ]
  return pairs.filter(pair => pair.some(candidate => sameName(candidate, name))).flat()
}
