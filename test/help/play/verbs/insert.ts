/** Rows that come: by SQL, by binds and replacements, by the editor, by a model, and over rows that are there. */
import { DataTypes } from 'sequelize'
import {
  any,
  cell,
  change,
  insertSql,
  isLoose,
  isTextKey,
  key,
  number,
  type Row,
  type Table,
  tag,
} from '../../world.ts'
import { addRow, keyOf, raiseMark, tagOf, textOf } from '../model.ts'
import type { Scene, Verb } from '../scene.ts'
import { openLevel } from '../story.ts'
import { jsOf, oneOf } from '../values.ts'

export const insert: Verb = ({ table, isVirtual, value, how, sql, names, target, q, fresh, write, call }) => {
  const row = fresh()
  const js = { ...jsOfFirst(table, row), [any(table).name]: value.js }
  const all = Object.values(js)
  const into = `INSERT INTO ${sql.table} (${table.columns.slice(0, 4).map(q).join(', ')})`
  // a text column of Sequelize's raw SQL gets what the value is written as
  const more = { plain: value.plain && !isVirtual }
  const told = `${names.table} ${row.id}`
  oneOf(
    how,
    () => write(insertSql(table, row, sql.table, how % 2 === 0 ? 'INSERT' : 'insert or abort')),
    () => call(`bulkInsert ${told}`, (schema, options) => schema.bulkInsert(target, [js], options), more),
    () => write(`${into} VALUES ($a, $b, $c, $d)`, { bind: byLetters(all) }, more),
    () => write(`${into} VALUES ($1, $2, $3, $4)`, { bind: all }, more),
    () => write(`${into} VALUES (?, ?, ?, ?)`, { replacements: all }, more),
    () => write(`${into} VALUES (:a, :b, :c, :d)`, { replacements: byLetters(all) }, more),
    () => call(`insert ${told}`, (schema, options) => schema.insert(null as never, target as never, js, options), more),
  )
  addRow(table, row)
}

/** SQLite chooses the key. */
export const insertWithoutKey: Verb = ({ table, how, sql, names, target, fresh, say, call }) => {
  if (table.kind !== 'INTEGER' && table.kind !== 'AUTOINCREMENT') return
  const row = fresh()
  const own = textOf(table, row)
  const highest = Math.max(0, ...table.rows.map(one => Number(keyOf(table, one))))
  change(row, key(table), String(Math.max(table.kind === 'AUTOINCREMENT' ? table.mark : 0, highest) + 1))
  change(row, number(table), 'NULL')
  change(row, any(table), any(table).fallback ?? 'NULL')
  oneOf(
    how,
    () => say(`INSERT INTO ${sql.table} (${sql.tag}) VALUES (${tagOf(table, row)})`),
    () =>
      call(`bulkInsert ${names.table} without key`, (schema, options) =>
        schema.bulkInsert(target, [{ [names.tag]: own }], options),
      ),
  )
  addRow(table, row)
}

const byModel =
  (verb: 'insert by model' | 'find or create'): Verb =>
  scene => {
    const { migration, table, owner, names, target, next, fresh, wrote, within, act } = scene
    if (isLoose(table)) return
    const row = fresh()
    change(row, any(table), any(table).fallback ?? 'NULL')
    const js = jsOfFirst(table, row)
    const { [names.tag]: text, ...others } = js
    const attributes = attributesOf(table)
    // inside of a transaction findOrCreate begins a nested one, which it never ends, and outside one of its own, which it commits
    if (verb === 'find or create' && owner !== 0) openLevel(migration, owner, `nested ${next()}`)
    wrote(verb === 'find or create' && owner === 0 ? next() : owner)
    act(`${verb} ${names.table} ${row.id}`, on => {
      const model = on.schema.sequelize.define(`model ${row.id}`, attributes, {
        ...(typeof target === 'string' ? { tableName: target } : target),
        timestamps: false,
      })
      return verb === 'insert by model'
        ? model.create(js, within(on))
        : model.findOrCreate({ where: { [names.tag]: text }, defaults: others, ...within(on) })
    })
    addRow(table, row)
  }
export const insertByModel = byModel('insert by model')
export const findOrCreate = byModel('find or create')

/** A row that is there is met by its tag or by its key, and gets the value. */
export const upsert: Verb = scene => {
  const { table, row, value, how, sql, next, say } = scene
  if (row === undefined || isLoose(table)) return
  const isByTag = how % 2 === 0
  if (!isByTag && keyOf(table, row) === 'NULL') return
  const other = 4000 + next()
  // AUTOINCREMENT counts what was not inserted, too
  if (isByTag && table.kind === 'AUTOINCREMENT') table.mark = other
  const given = isByTag
    ? `${isTextKey(table.kind) ? `'other ${other}'` : other}, ${tagOf(table, row)}`
    : `${keyOf(table, row)}, 'other tag'`
  if (!isByTag) raiseMark(table, row)
  say(
    `INSERT INTO ${sql.table} (${sql.key}, ${sql.tag}) VALUES (${given}) ON CONFLICT (${isByTag ? sql.tag : uniqueKey(scene)}) DO UPDATE SET ${sql.any} = ${value.sql}`,
  )
  change(row, any(table), value.sql)
}

const uniqueKey = ({ table, sql }: Scene): string => (table.kind === 'composite' ? `${sql.key}, one` : sql.key)

/** The row keeps its key and its tag, and nothing else. */
export const replaceByKey: Verb = ({ table, row, how, sql, say }) => {
  if (row === undefined || isLoose(table) || keyOf(table, row) === 'NULL') return
  const verb = how % 2 === 0 ? 'REPLACE' : 'INSERT OR REPLACE'
  say(`${verb} INTO ${sql.table} (${sql.key}, ${sql.tag}) VALUES (${keyOf(table, row)}, ${tagOf(table, row)})`)
  raiseMark(table, row)
  for (const column of table.columns.slice(2)) change(row, column, column.fallback ?? 'NULL')
}

/** Another row comes for it, which has its tag. */
export const replaceByTag: Verb = ({ table, isVirtual, row, sql, fresh, say, doubt }) => {
  if (row === undefined || isVirtual) return
  const one = fresh()
  change(one, tag(table), tagOf(table, row))
  say(insertSql(table, one, sql.table, 'REPLACE'))
  table.rows = table.rows.filter(other => other !== row)
  addRow(table, one)
  doubt()
}

/** Key, tag and n. */
const jsOfFirst = (table: Table, row: Row): Record<string, unknown> =>
  Object.fromEntries(table.columns.slice(0, 3).map(column => [column.name, jsOf(cell(row, column))]))

const byLetters = (all: readonly unknown[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(all.map((value, index) => ['abcd'[index] ?? '', value]))

const attributesOf = (table: Table) =>
  Object.fromEntries(
    table.columns
      .slice(0, 3)
      .map((column, index) => [
        column.name,
        { type: /^(?:TEXT|VARCHAR)/.test(column.type) ? DataTypes.TEXT : DataTypes.BIGINT, primaryKey: index === 0 },
      ]),
  )
