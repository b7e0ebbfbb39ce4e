/** What a migration must not do. Some of it SQLite refuses, the rest the migrator. */
import { insertSql, quote } from '../../world.ts'
import type { Verb } from '../scene.ts'
import { refused } from '../script.ts'
import { oneOf, pick } from '../values.ts'

export const twiceTheKey: Verb = ({ table, isVirtual, row, sql, query }) => {
  if (row !== undefined && !isVirtual) query(insertSql(table, row, sql.table, 'INSERT'), {}, { fails: true })
}

export const breakCheck: Verb = ({ isVirtual, row, sql, where, query }) => {
  if (row === undefined || isVirtual) return
  query(`UPDATE ${sql.table} SET ${sql.number} = -1 ${where(row)}`, {}, { fails: true })
}

export const conflictThatRollsBack: Verb = ({ table, isVirtual, row, sql, breakOff }) => {
  if (row === undefined || isVirtual) return
  breakOff('SQLite rolled back', insertSql(table, row, sql.table, 'INSERT OR ROLLBACK'))
}

export const triggerThatRollsBack: Verb = ({ table, isVirtual, sql, fresh, say, breakOff }) => {
  if (isVirtual) return
  say(`CREATE TRIGGER stop BEFORE INSERT ON ${sql.table} BEGIN SELECT RAISE(ROLLBACK, 'no'); END`)
  breakOff('SQLite rolled back', insertSql(table, fresh(), sql.table, 'INSERT'))
}

export const noSuchTable: Verb = ({ how, query, call }) =>
  oneOf(
    how,
    () => query(`INSERT INTO nowhere VALUES (1)`, {}, { fails: true }),
    () => call('dropTable nowhere', schema => schema.dropTable('nowhere'), refused),
    () =>
      call('bulkDelete nowhere', (schema, options) => schema.bulkDelete('nowhere', { x: 1 }, options), {
        fails: true,
      }),
  )

/** One text may not hold several, nor begin or end what the migrator began. */
export const severalStatements: Verb = ({ dice, sql, query }) => {
  const gone = `DELETE FROM ${sql.table}`
  const scripts = [
    `BEGIN; ${gone}; COMMIT`,
    `begin immediate;${gone};`,
    `COMMIT; ${gone}`,
    `END;${gone}`,
    `ROLLBACK -- back to the beginning\n; ${gone}`,
    `/* x */ ROLLBACK; BEGIN; ${gone}`,
    `SAVEPOINT a; ${gone}; RELEASE a`,
    `-- COMMIT\nSELECT 1; ${gone}`,
    `${gone}; ${gone}`,
  ]
  query(pick(scripts, dice.other) ?? '', {}, refused)
}

const refusedTexts = [
  'PRAGMA foreign_keys = ON',
  'PRAGMA "foreign_keys" = 1',
  "PRAGMA main.'foreign_keys'(1)",
  'PRAGMA recursive_triggers = ON',
  `SELECT * FROM pragma_journal_mode('delete')`,
  `ATTACH ':memory:' AS other`,
  'DETACH main',
  `PRAGMA writable_schema = ON`,
]
export const refusedStatement: Verb = ({ dice, query }) => query(pick(refusedTexts, dice.other) ?? '', {}, refused)

const historyTexts = [
  `DELETE FROM SequelizeMeta`,
  `INSERT INTO "sequelizemeta" (name) VALUES ('0009-later')`,
  `UPDATE SEQUELIZEMETA SET name = name || 'x'`,
  `ALTER TABLE SequelizeMeta RENAME TO old_meta`,
  `DROP TABLE SequelizeMeta`,
]
/** The error is caught, and the migration fails all the same. */
export const writeHistory: Verb = ({ how, wrote, within, act, fail }) => {
  const sql = pick(historyTexts, how) ?? ''
  wrote()
  act(sql, on => on.schema.sequelize.query(sql, within(on)).catch(() => undefined))
  fail('write to the history')
}

/** It fires when the migrator records the migration: on the rows of a table, where some may not go, or on the history. */
export const triggerOnHistory: Verb = ({ migration, table, isVirtual, how, say, fail }) => {
  const isOnTable = how % 2 === 0
  const isAnnounced = migration.announced.some(({ id }) => id === table.id)
  if (isOnTable && (isAnnounced || table.rows.every(({ born }) => born > 0))) return
  if (isVirtual) return
  const harm = `DELETE FROM ${quote(isOnTable ? table.name : 'SequelizeMeta')}`
  say(`CREATE TRIGGER harm AFTER INSERT ON SequelizeMeta BEGIN ${harm}; END`)
  fail('trigger on the history')
}
