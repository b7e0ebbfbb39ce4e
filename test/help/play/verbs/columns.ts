/** Columns that come, go, or are defined in another way. */
import { DataTypes } from 'sequelize'
import { any, type Column, cell, change, inCase, isSame, key, quote, type Table } from '../../world.ts'
import { referencesTo } from '../model.ts'
import type { Verb } from '../scene.ts'
import { editorOnly, refused } from '../script.ts'

export const addColumn: Verb = ({ table, isVirtual, how, sql, names, target, next, say, call }) => {
  const told = `addColumn ${names.table}`
  if (isVirtual)
    return call(told, (schema, options) => schema.addColumn(target, 'extra', DataTypes.TEXT, options), refused)
  const isText = how % 2 === 0
  const column: Column = {
    id: next(),
    name: `Extra ${next()}`,
    type: isText ? 'TEXT' : 'INTEGER',
    fallback: how % 3 === 0 ? null : isText ? "'d''x'" : '7',
  }
  const { name, type, fallback } = column
  const definition = {
    type: isText ? DataTypes.TEXT : DataTypes.INTEGER,
    ...(fallback === null ? {} : { defaultValue: isText ? "d'x" : 7 }),
  }
  if (how % 5 === 0)
    say(`ALTER TABLE ${sql.table} ADD COLUMN ${quote(name)} ${type} ${fallback === null ? '' : `DEFAULT ${fallback}`}`)
  else call(`${told} ${name}`, (schema, options) => schema.addColumn(target, name, definition, options))
  table.columns.push(column)
  for (const row of table.rows) change(row, column, fallback ?? 'NULL')
}

/** One that was added; where there is none, the tag, which is refused. */
export const removeColumn: Verb = ({ table, isVirtual, how, names, target, call }) => {
  const column = table.columns.slice(3).find(({ id }) => id !== any(table).id && id !== table.reference?.column)
  const name = column?.name ?? names.tag
  call(
    `removeColumn ${names.table} ${name}`,
    (schema, options) => schema.removeColumn(target as string, inCase(name, how), options),
    column === undefined || isVirtual ? refused : editorOnly,
  )
  if (column !== undefined && !isVirtual) table.columns = table.columns.filter(one => one !== column)
}

/** Any but the tag, which rows are told apart by. */
export const renameColumn: Verb = ({ world, table, isVirtual, dice, how, names, target, next, call }) => {
  const column = table.columns[[0, 2, 3, 4][dice.other % 4] ?? 0]
  if (column === undefined) return
  const [from, to] = [column.name, `Named ${next()}`]
  call(
    `renameColumn ${names.table} ${from} ${to}`,
    (schema, options) => schema.renameColumn(target as string, inCase(from, how), to, options),
    isVirtual ? refused : editorOnly,
  )
  if (isVirtual) return
  for (const reference of referencesTo(world, table)) if (isSame(reference.to, from)) reference.to = to
  column.name = to
}

export const changeType: Verb = ({ table, isVirtual, how, names, target, call }) => {
  const column = how % 4 === 3 ? key(table) : any(table)
  const isKey = column === key(table) && table.kind !== 'none'
  // STRICT knows five types, and Sequelize none of them but TEXT and INTEGER
  if (table.strict || (column === key(table) && !isKey)) return
  const hasBlob = table.rows.some(row => cell(row, column).startsWith('X'))
  if (hasBlob && how % 2 === 0) return
  const isRefused = isVirtual || (isKey && column.type !== 'VARCHAR(30)')
  const name = inCase(column.name, how)
  call(
    `changeColumn ${names.table} ${column.name}`,
    (schema, options) => schema.changeColumn(target as string, name, { type: DataTypes.STRING(30) }, options),
    isRefused ? refused : editorOnly,
  )
  if (isRefused) return
  column.type = 'VARCHAR(30)'
  for (const row of table.rows) change(row, column, cell(row, column))
}

export const changeDefault: Verb = ({ table, isVirtual, names, target, call }) => {
  if (table.strict) return
  const column = any(table)
  const definition = { type: typeOf(table), defaultValue: "it's" }
  call(
    `changeColumn ${names.table} default`,
    (schema, options) => schema.changeColumn(target as string, names.any, definition, options),
    isVirtual ? refused : editorOnly,
  )
  if (isVirtual) return
  column.type = definition.type
  column.fallback = "'it''s'"
}

/** Rows that have no value there keep it from becoming NOT NULL. */
export const changeNull: Verb = ({ table, isVirtual, names, target, call }) => {
  const hasNull = table.rows.some(row => cell(row, any(table)) === 'NULL')
  if (!hasNull && !isVirtual) return
  const definition = { type: typeOf(table), allowNull: false }
  call(
    `changeColumn ${names.table} allowNull`,
    (schema, options) => schema.changeColumn(target as string, names.any, definition, options),
    refused,
  )
}

/** Sequelize wants a type for a column that has none. */
const typeOf = (table: Table): string => (any(table).type === '' ? 'BLOB' : any(table).type)
