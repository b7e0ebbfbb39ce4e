/** Rows that change, get another key, or go. */
import { any, cell, change, insertSql, isLoose, isTextKey, key, number, quote, type Row } from '../../world.ts'
import { addRow, changeKeyOf, isParent, keyOf, removeRows, tagOf, textOf } from '../model.ts'
import type { Scene, Verb } from '../scene.ts'
import { editorOnly } from '../script.ts'
import { jsOf, keyFrom, oneOf, pick } from '../values.ts'

export const update: Verb = ({ table, isVirtual, row, value, how, sql, names, target, where, write, call, doubt }) => {
  if (row === undefined) return
  const text = textOf(table, row)
  const set = `UPDATE ${sql.table} SET ${sql.any} =`
  const more = { plain: value.plain && !isVirtual }
  oneOf(
    how,
    () => write(`${set} ${value.sql} ${where(row)}`),
    () =>
      call(
        `bulkUpdate ${names.table}`,
        (schema, options) => schema.bulkUpdate(target, { [names.any]: value.js }, { [names.tag]: text }, options),
        more,
      ),
    () => write(`${set} $2 WHERE ${sql.tag} = $1`, { bind: [text, value.js] }, more),
    () => write(`${set} :x WHERE ${sql.tag} = :tag`, { replacements: { tag: text, x: value.js } }, more),
  )
  change(row, any(table), value.sql)
  doubt()
}

export const countUp: Verb = ({ table, isVirtual, how, sql, names, target, say, call, doubt }) => {
  if (how % 2 === 0 || isVirtual) say(`UPDATE ${sql.table} SET ${sql.number} = ${sql.number} + 1`)
  else
    call(`bulkUpdate ${names.table} n + 1`, (schema, options) =>
      schema.bulkUpdate(
        target,
        { [names.number]: schema.sequelize.literal(`${quote(names.number)} + 1`) },
        {},
        options,
      ),
    )
  for (const row of table.rows) {
    const was = cell(row, number(table))
    if (was !== 'NULL') change(row, number(table), String(Number(was) + 1))
  }
  doubt()
}

export const backfill: Verb = ({ table, isVirtual, value, sql, names, call }) => {
  // Sequelize takes a $ in a text for a bind
  if (table.kind === 'WITHOUT ROWID' || isVirtual || value.sql.includes('$')) return
  const text = `UPDATE ${sql.table} SET ${sql.any} = ${value.sql} WHERE _rowid_ BETWEEN $first AND $last`
  call(
    `backfill ${names.table}`,
    (schema, options) => schema.backfill(text, { table: names.table, batch: 2, ...options }),
    editorOnly,
  )
  for (const row of table.rows) change(row, any(table), value.sql)
}

export const changeKey: Verb = scene => {
  const { world, table, row, how, sql, names, target, where, next, write, call, doubt } = scene
  if (row === undefined) return
  const now = keyFrom(table, next())
  const text = textOf(table, row)
  const more = { plain: !isParent(world, table) }
  oneOf(
    how,
    () => write(`UPDATE ${sql.table} SET ${sql.key} = ${now} ${where(row)}`, {}, more),
    () =>
      call(
        `bulkUpdate ${names.table} key`,
        (schema, options) => schema.bulkUpdate(target, { [names.key]: jsOf(now) }, { [names.tag]: text }, options),
        more,
      ),
  )
  changeKeyOf(scene, table, row, now)
  doubt()
}

export const exchangeKeys: Verb = scene => {
  const { table, row, dice, sql, where, write } = scene
  const second = pick(table.rows, dice.other)
  if (row === undefined || second === undefined || row === second || isLoose(table)) return
  const [one, two] = [keyOf(table, row), keyOf(table, second)]
  const set = (of: Row, to: string): void => {
    write(`UPDATE ${sql.table} SET ${sql.key} = ${to} ${where(of)}`, {}, editorOnly)
    changeKeyOf(scene, table, of, to)
  }
  set(row, isTextKey(table.kind) ? `'between'` : '5000')
  set(second, one)
  set(row, two)
}

const deleteChosen =
  (choose: (scene: Scene) => Row | undefined): Verb =>
  scene => {
    const { world, table, isVirtual, how, sql, names, target, where, write, call, doubt, doubtLossOf } = scene
    const row = choose(scene)
    if (row === undefined) return
    const text = textOf(table, row)
    const from = `DELETE FROM ${sql.table}`
    const more = { plain: !isParent(world, table) && !isVirtual }
    oneOf(
      how,
      () => write(`${from} ${where(row)}`, {}, more),
      () =>
        call(
          `bulkDelete ${names.table}`,
          (schema, options) => schema.bulkDelete(target, { [names.tag]: text }, options),
          more,
        ),
      () => write(`${from} WHERE ${sql.tag} = $1`, { bind: [text] }, more),
      () =>
        write(
          `WITH gone AS (SELECT ${tagOf(table, row)} AS it) ${from} WHERE ${sql.tag} IN (SELECT it FROM gone)`,
          {},
          more,
        ),
    )
    doubtLossOf([row])
    removeRows(scene, table, [row])
    doubt()
  }
export const deleteOne = deleteChosen(({ row }) => row)
/** A row that this migration inserted may go. */
export const deleteNew = deleteChosen(({ table, born }) => table.rows.find(row => row.born === born))

export const deleteAll: Verb = scene => {
  const { table, how, sql, names, target, say, call, doubt, doubtLossOf } = scene
  doubtLossOf(table.rows)
  oneOf(
    how,
    () => say(`/* all */ DELETE FROM ${sql.table}`),
    () => call(`bulkDelete all ${names.table}`, (schema, options) => schema.bulkDelete(target, {}, options)),
  )
  removeRows(scene, table, table.rows)
  doubt()
}

/** The new row has the old one's key, and is another one all the same. */
export const deleteAndInsertAgain: Verb = scene => {
  const { table, row, sql, where, fresh, say, doubt, doubtLossOf } = scene
  if (row === undefined) return
  doubtLossOf([row])
  say(`DELETE FROM ${sql.table} ${where(row)}`)
  const was = keyOf(table, row)
  removeRows(scene, table, [row])
  const one = fresh()
  change(one, key(table), was)
  say(insertSql(table, one, sql.table, 'INSERT'))
  addRow(table, one)
  doubt()
}
