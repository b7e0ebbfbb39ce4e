/** Constraints, indexes and foreign keys, by the editor. */
import { Op } from 'sequelize'
import { actions, any, cell, inCase, key, number, tag } from '../../world.ts'
import { isReferable, makeIndex } from '../model.ts'
import type { Verb } from '../scene.ts'
import { editorOnly, refused } from '../script.ts'
import { pick } from '../values.ts'

/** On key and tag it holds; on numbers it is refused, where two of them are alike. */
export const addUnique: Verb = ({ table, isVirtual, how, names, target, next, call }) => {
  const name = `unique ${next()}`
  const isOfNumbers = how % 2 === 1
  const numbers = table.rows.map(row => cell(row, number(table))).filter(one => one !== 'NULL')
  const isBroken = isOfNumbers && new Set(numbers).size < numbers.length
  if (isOfNumbers && !isBroken && !isVirtual) return
  const fields = (isOfNumbers ? [names.number] : [names.key, names.tag]).map(field => inCase(field, how))
  const constraint = { type: 'UNIQUE' as 'unique', name, fields }
  call(
    `addConstraint ${names.table} unique`,
    (schema, options) => schema.addConstraint(target as string, { ...constraint, ...options }),
    isVirtual || isBroken ? refused : editorOnly,
  )
  if (!isVirtual && !isBroken) table.indexes.push(makeIndex(name, (own, q) => `(${q(key(own))}, ${q(tag(own))})`))
}

export const addCheck: Verb = ({ table, isVirtual, how, names, target, next, call }) => {
  const holds = how % 2 === 0
  if (!holds && table.rows.every(row => cell(row, number(table)) === 'NULL') && !isVirtual) return
  const check = {
    type: 'check' as const,
    name: `check${next()}`,
    fields: [names.number],
    where: { [names.number]: { [holds ? Op.gte : Op.lt]: 0 } },
  }
  call(
    `addConstraint ${names.table} check`,
    (schema, options) => schema.addConstraint(target as string, { ...check, ...options }),
    isVirtual || !holds ? refused : editorOnly,
  )
}

export const addIndex: Verb = ({ table, isVirtual, how, names, target, next, call }) => {
  const name = `index ${next()}`
  const index = { name, fields: [inCase(names.tag, how)] }
  call(
    `addIndex ${names.table}`,
    (schema, options) => schema.addIndex(target as string, { ...index, ...options }),
    isVirtual ? refused : {},
  )
  if (!isVirtual) table.indexes.push(makeIndex(name, (own, q) => `(${q(tag(own))})`))
}

export const removeIndex: Verb = ({ table, dice, how, names, target, call }) => {
  const index = pick(table.indexes, dice.other)
  const name = index?.name ?? 'none'
  call(
    `removeIndex ${names.table} ${name}`,
    (schema, options) => schema.removeIndex(target as string, inCase(name, how), options),
    index === undefined ? refused : {},
  )
  table.indexes = table.indexes.filter(one => one !== index)
}

/** Values that were there before may have no parent; the migrator looks for those itself. */
export const addReference: Verb = ({ table, second: parent, isVirtual, dice, how, names, target, next, call }) => {
  if (parent === undefined || !isReferable(parent) || isVirtual || table.reference !== null) return
  const { id, name } = any(table)
  const rules = {
    onDelete: pick(actions, how) ?? 'CASCADE',
    onUpdate: pick(actions, dice.row) ?? 'CASCADE',
  }
  const references = { table: inCase(parent.name, how), field: inCase(key(parent).name, how) }
  call(
    `addConstraint ${names.table} to ${parent.name}`,
    (schema, options) =>
      schema.addConstraint(target as string, {
        ...{ type: 'foreign key', name: `key${next()}`, fields: [name], references, ...rules },
        ...options,
      }),
    editorOnly,
  )
  table.reference = { column: id, parent: parent.name, to: key(parent).name, ...rules }
}
