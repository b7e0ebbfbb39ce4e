import type { TableName } from 'sequelize'
import { describeActions } from '../schema/compare.ts'
import type { ForeignKey, Table } from '../schema/read.ts'
import { type KeyActions, readTableText, withActions, withConstraint } from '../schema/text.ts'
import { quote, sameName } from '../sql.ts'
import { nameOf } from './sequelize-internals.ts'

/** What a column's definition in Sequelize says of its foreign key. */
export type WantedKey = Readonly<{
  references?: Readonly<{ model: TableName; key?: string }> | null
  onDelete?: string
  onUpdate?: string
}>

/**
 * The table's text with the foreign key that a column shall have: added, or with other actions. It stays as it is if the column has
 * that key, or none is asked for.
 * @throws Error if the column's key leads elsewhere, or if actions are asked for and there is no key to have them
 */
export const withKey = (table: Table, column: string, { references, onDelete, onUpdate }: WantedKey): string => {
  const actions = { onDelete: onDelete?.toUpperCase(), onUpdate: onUpdate?.toUpperCase() }
  if (!references && onDelete === undefined && onUpdate === undefined) return table.sql
  const to = references ? { parent: nameOf(references.model), column: references.key ?? 'id' } : undefined
  const own = table.foreignKeys.filter(({ columns }) => isOnly(columns, column))
  const there = own.filter(
    ({ parent, parentColumns }) =>
      to === undefined || (sameName(parent, to.parent) && parentColumns.every(name => sameName(name, to.column))),
  )
  if (there.length === 0) {
    if (to === undefined || own.length > 0) throw refusal(table, column, own)
    return withConstraint(table.sql, `FOREIGN KEY (${quote(column)}) ${keySql({ ...to, ...actions })}`)
  }
  const isAsWanted = (key: ForeignKey): boolean =>
    (actions.onDelete ?? key.onDelete) === key.onDelete && (actions.onUpdate ?? key.onUpdate) === key.onUpdate
  if (there.every(isAsWanted)) return table.sql
  return readTableText(table.sql)
    .constraints.filter(
      ({ columns, parent }) =>
        parent !== null && isOnly(columns, column) && there.some(key => sameName(key.parent, parent)),
    )
    .reduceRight((sql, constraint) => withActions(sql, constraint, actions), table.sql)
}

const isOnly = (columns: readonly string[], column: string): boolean =>
  columns.length === 1 && sameName(columns.join(), column)

const refusal = (table: Table, column: string, [present]: readonly ForeignKey[]): Error => {
  const place = `${table.name}.${column}`
  if (present === undefined) {
    const sample = `{ references: { model: 'parents', key: 'id' }, onDelete: 'CASCADE' }`
    return new Error(`changeColumn of ${place}, which has no foreign key, needs one to give it an action: ${sample}`)
  }
  const is = `to ${present.parent} (${present.parentColumns.join(', ')}) ${describeActions(present)}`
  const first = `removeConstraint('${table.name}', { type: 'foreign key', fields: ['${column}'] })`
  return new Error(
    `changeColumn of ${place} cannot turn its foreign key, which is ${is}, elsewhere: use ${first} first`,
  )
}

type KeyText = KeyActions & Readonly<{ parent: string; column: string }>

const keySql = ({ parent, column, onDelete, onUpdate }: KeyText): string =>
  [
    `REFERENCES ${quote(parent)} (${quote(column)})`,
    ...(onDelete === undefined ? [] : [`ON DELETE ${onDelete}`]),
    ...(onUpdate === undefined ? [] : [`ON UPDATE ${onUpdate}`]),
  ].join(' ')
