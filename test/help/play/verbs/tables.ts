/** Tables that come, go, change places, or become one. */
import { DataTypes } from 'sequelize'
import type { SchemaEditor } from '../../../../src/engine.ts'
import { type Column, cell, change, quote, type Row, spell, type Table, tableOf } from '../../world.ts'
import { addRow, dropTable, renameTable } from '../model.ts'
import type { Scene, Verb } from '../scene.ts'
import { editorOnly, refused } from '../script.ts'
import { oneOf, tableNames } from '../values.ts'

export const rename: Verb = ({ world, table, how, sql, names, next, say, call }) => {
  const to = how % 3 === 0 ? `Fresh ${next()}` : `fresh${next()}`
  oneOf(
    how,
    () => say(`ALTER TABLE ${sql.table} RENAME TO ${quote(to)}`),
    () => call(`renameTable ${names.table} ${to}`, (schema, options) => schema.renameTable(names.table, to, options)),
  )
  renameTable(world, table, to)
}

export const swap: Verb = ({ world, table, second, how, next, say }) => {
  if (second === undefined || second === table) return
  const [one, two, between] = [table.name, second.name, `between${next()}`]
  const move = (which: Table, to: string): void => {
    say(`ALTER TABLE ${spell(which.name, how)} RENAME TO ${quote(to)}`)
    renameTable(world, which, to)
  }
  move(table, between)
  move(second, one)
  move(table, two)
}

export const drop: Verb = ({ world, table, how, sql, names, target, say, call, doubtLossOf }) => {
  if (table.view !== null) say(`DROP VIEW ${quote(table.view)}`)
  oneOf(
    how,
    () => say(`DROP TABLE ${how % 4 === 0 ? 'IF EXISTS ' : ''}${sql.table}`),
    () => call(`dropTable ${names.table}`, (schema, options) => schema.dropTable(target, options), editorOnly),
  )
  doubtLossOf(table.rows)
  dropTable(world, table)
}

/** The rows go into another table, where they are new ones. */
export const merge: Verb = scene => {
  const { world, table, second, how, sql, q, next, born, say, doubt, doubtLossOf } = scene
  if (second === undefined || second === table || !isAlike(table, second) || table.view !== null) return
  say(
    `INSERT INTO ${spell(second.name, how)} (${second.columns.map(q)}) SELECT ${table.columns.map(q).join(', ')} FROM ${sql.table}`,
    `DROP TABLE ${sql.table}`,
  )
  doubtLossOf(table.rows)
  for (const row of table.rows) {
    const copy: Row = { id: next(), born, cells: {} }
    for (const [nth, column] of second.columns.entries()) change(copy, column, cell(row, table.columns[nth] ?? column))
    addRow(second, copy)
  }
  dropTable(world, table)
  doubt()
}

const isAlike = (one: Table, other: Table): boolean =>
  one.kind === other.kind &&
  one.strict === other.strict &&
  one.columns.length <= 4 &&
  other.columns.length <= 4 &&
  one.columns.every((column, nth) => column.type === other.columns[nth]?.type)

/** A temporary table hides the real one, which nothing happens to. */
export const temporary: Verb = ({ sql: { table }, say }) =>
  say(`CREATE TEMP TABLE ${table} AS SELECT 1 AS x`, `DELETE FROM ${table}`, `DROP TABLE temp.${table}`)

/** @param again what comes after it under the same name */
const createBy =
  (again: (scene: Scene, free: string) => void): Verb =>
  scene => {
    const { world, next, call } = scene
    const free = tableNames.find(name => tableOf(world, name) === undefined)
    if (free === undefined) return
    const made = makeTable(free, next)
    call(`createTable ${free}`, createTable(free, { unique: true }))
    world.tables.push(made)
    again(scene, free)
  }
export const create = createBy(() => undefined)
export const createAgain = createBy(({ call }, free) =>
  call(`createTable ${free} again`, createTable(free, { unique: true })),
)
export const createAnother = createBy(({ call }, free) =>
  call(`createTable ${free} otherwise`, createTable(free, { allowNull: false }), refused),
)

const makeTable = (name: string, next: () => number): Table => {
  const column = (name: string, type: string, fallback: string | null = null): Column => ({
    id: next(),
    name,
    type,
    fallback,
  })
  return {
    columns: [
      column('k', 'INTEGER'),
      column('Tag', 'TEXT'),
      column('n', 'INTEGER'),
      column('x', 'VARCHAR(20)', "'it''s'"),
    ],
    ...{ id: next(), kind: 'AUTOINCREMENT', strict: false, name, rows: [], indexes: [], mark: 0 },
    ...{ generated: null, reference: null, trigger: null, view: null },
  }
}

const createTable = (name: string, tagged: object) => (schema: SchemaEditor, options: object) =>
  schema.createTable(
    name,
    {
      k: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
      Tag: { type: DataTypes.TEXT, ...tagged },
      // as every table of the world has it
      n: 'INTEGER CHECK (n >= 0)',
      x: { type: DataTypes.STRING(20), defaultValue: "it's" },
    },
    options,
  )

export const look: Verb = ({ sql, names, act, within }) =>
  act(`describeTable ${names.table}`, async on => {
    await on.schema.showAllTables()
    await on.schema.sequelize.query(`SELECT count(*) FROM ${sql.table}`, within(on))
  })
