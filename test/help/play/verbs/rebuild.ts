/** Tables that are made anew, in each order that people write. */
import { change, createSql, insertSql, key, quote } from '../../world.ts'
import { addRow, keyOf, loseAround, markAnew, referencesTo } from '../model.ts'
import { type Scene, type Verb, withoutView } from '../scene.ts'
import { editorOnly } from '../script.ts'

/** Three rows come again with their keys, and are others all the same. */
export const dropAndCreate: Verb = scene => {
  const { table, how, sql, fresh, say, doubt, doubtLossOf } = scene
  withoutView(scene, () => {
    loseAround(table)
    say(`DROP TABLE ${sql.table}`, createSql(table, quote(table.name), how))
    const olds = table.rows
    doubtLossOf(olds)
    table.rows = []
    for (const old of olds.slice(0, 3)) {
      const row = fresh()
      change(row, key(table), keyOf(table, old))
      say(insertSql(table, row, sql.table, 'INSERT'))
      addRow(table, row)
    }
    markAnew(table)
  })
  doubt()
}

/** @param move makes the table anew by the help of another one, the stage */
const rebuildBy =
  (move: (scene: Scene, stage: string) => void): Verb =>
  scene => {
    const { table, next, doubt } = scene
    const stage = `stage ${next()}`
    withoutView(scene, () => {
      loseAround(table)
      move(scene, stage)
      markAnew(table)
    })
    doubt()
  }

const columnsOf = ({ table, q }: Scene): string => table.columns.map(q).join(', ')

/** As SQLite advises: create, copy, drop, rename. */
const copyAside = (scene: Scene, stage: string, condition: string): void => {
  const { table, how, sql, say } = scene
  const [other, columns] = [quote(stage), columnsOf(scene)]
  say(
    createSql(table, other, how),
    `INSERT INTO ${other} (${columns}) SELECT ${columns} FROM ${sql.table} ${condition}`,
    `DROP TABLE ${sql.table}`,
    `ALTER TABLE ${other} RENAME TO ${quote(table.name)}`,
  )
}

export const rebuild = rebuildBy((scene, stage) => copyAside(scene, stage, ''))

export const rebuildWithoutRow = rebuildBy((scene, stage) => {
  const { table, row, where, doubtLossOf } = scene
  if (row === undefined) return copyAside(scene, stage, '')
  copyAside(scene, stage, where(row).replace(' = ', ' <> '))
  doubtLossOf([row])
  table.rows = table.rows.filter(one => one !== row)
})

/** Foreign keys of others follow the old table, and point at nothing once it is gone. */
export const renameCreateCopyDrop = rebuildBy((scene, stage) => {
  const { world, table, how, sql, say } = scene
  const [other, columns] = [quote(stage), columnsOf(scene)]
  say(`ALTER TABLE ${sql.table} RENAME TO ${other}`)
  for (const reference of referencesTo(world, table)) if (reference !== table.reference) reference.parent = stage
  say(
    createSql(table, quote(table.name), how),
    `INSERT INTO ${sql.table} (${columns}) SELECT ${columns} FROM ${other}`,
    `DROP TABLE ${other}`,
  )
})

export const copyDropCreateCopyBack = rebuildBy((scene, stage) => {
  const { table, how, sql, say } = scene
  const [other, columns] = [quote(stage), columnsOf(scene)]
  say(
    `CREATE ${how % 2 === 0 ? 'TEMP ' : ''}TABLE ${other} AS SELECT ${columns} FROM ${sql.table}`,
    `DROP TABLE ${sql.table}`,
    createSql(table, quote(table.name), how),
    `INSERT INTO ${sql.table} (${columns}) SELECT * FROM ${other}`,
    `DROP TABLE ${other}`,
  )
})

export const rebuildByEditor: Verb = ({ table, isVirtual, how, names, call }) => {
  if (isVirtual) return
  const sql = createSql(table, quote(table.name), how)
  call(`rebuildTable ${names.table}`, (schema, options) => schema.rebuildTable(names.table, sql, options), editorOnly)
}
