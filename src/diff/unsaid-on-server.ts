// This file is about PostgreSQL.
import type { SchemaObject } from '../engine.ts'
import { isSerial, nameless } from '../postgres/compare.ts'
import type { Column, Constraint, ServerSchema, Table } from '../postgres/schema.ts'

/** What models make on a server. */
export type ServerModels = Readonly<{
  schema: ServerSchema
  /** columns that Sequelize itself fills at every write, as `table.column`: it makes them NOT NULL, asked or not */
  timed: readonly string[]
}>

/**
 * The schema that models ask for, with all that they cannot say taken from what is there: CHECK, EXCLUDE, computed columns,
 * collations, views, triggers, functions and policies; a default that they lack, as they write every value themselves; how a column
 * is numbered, and types that hold as much. Constraints and indexes count whatever their names.
 */
export const withUnsaidOnServer = ({ schema, timed }: ServerModels, present: ServerSchema): ServerSchema => {
  const tables = schema.tables.map(table => {
    const there = present.tables.find(({ name }) => name === table.name)
    return there === undefined ? table : tableWithUnsaid(table, there, schema.others, present.others, timed)
  })
  const types = tables.flatMap(({ columns }) => columns.map(({ type }) => type))
  const numbers = tables.flatMap(({ columns }) => columns.map(({ expression }) => expression ?? ''))
  const isIn = ({ type, name }: SchemaObject, { others }: ServerSchema): boolean =>
    others.some(other => other.type === type && other.name === name)
  return {
    tables,
    others: [
      // of an enum the models say what is in it
      ...present.others.filter(one => one.type !== 'index' && !(one.type === 'type' && isIn(one, schema))),
      ...schema.others.filter(
        one =>
          (one.type === 'type' && types.some(used => used.replace(/\[\]$/, '').replaceAll('"', '') === one.name)) ||
          (one.type === 'sequence' && !isIn(one, present) && numbers.some(expression => expression.includes(one.name))),
      ),
      ...tables.flatMap(table => indexesOf(table, schema, present)),
    ],
  }
}

const tableWithUnsaid = (
  table: Table,
  there: Table,
  asked: readonly SchemaObject[],
  present: readonly SchemaObject[],
  timed: readonly string[],
): Table => ({
  ...table,
  end: there.end,
  columns: [
    ...table.columns.map(column => {
      const same = there.columns.find(({ name }) => name === column.name)
      if (same === undefined) return column
      const isOpen = timed.includes(`${table.name}.${column.name}`)
      return columnWithUnsaid(column, same, isOpen, labelsOf(asked, present))
    }),
    ...there.columns.filter(
      ({ name, generated }) => generated !== '' && !table.columns.some(column => column.name === name),
    ),
  ],
  constraints: [
    // what models cannot say, and what they say by a unique index
    ...there.constraints.filter(
      one => one.kind === 'c' || one.kind === 'x' || (isUnique(one) && isIndexed(one, asked)),
    ),
    ...table.constraints.flatMap(one => {
      const same = there.constraints.find(other => isSame(one, other))
      // what a unique index does
      return same === undefined && one.kind === 'u' && isIndexed(one, present) ? [] : (same ?? one)
    }),
  ],
})

const bare = ({ definition }: Constraint): string =>
  definition
    .replace(/ NOT VALID$/, '')
    .replace(/(?: DEFERRABLE| INITIALLY DEFERRED| NULLS NOT DISTINCT| INCLUDE \(.*?\))+/, '')
const isSame = (a: Constraint, b: Constraint): boolean => a.kind === b.kind && bare(a) === bare(b)

/** The unique index that holds what a UNIQUE of a table holds, whatever it is called. */
const isIndexed = ({ table, definition }: Constraint, others: readonly SchemaObject[]): boolean => {
  const columns = definition.replace(/^UNIQUE /, '')
  return others.some(
    ({ type, table: of, sql }) =>
      type === 'index' && of === table && /^CREATE UNIQUE/.test(sql) && sql.endsWith(` USING btree ${columns}`),
  )
}

const indexesOn = (table: Table, { others }: ServerSchema): readonly SchemaObject[] =>
  others.filter(({ type, table: of }) => type === 'index' && of === table.name)

/** The indexes of the models, by the names that they have, and unique ones that the models have as UNIQUE of their table. */
const indexesOf = (table: Table, schema: ServerSchema, present: ServerSchema): readonly SchemaObject[] => {
  const there = indexesOn(table, present)
  const uniquesOf = ({ tables }: ServerSchema): readonly Constraint[] =>
    tables.filter(({ name }) => name === table.name).flatMap(({ constraints }) => constraints.filter(isUnique))
  const asked = indexesOn(table, schema).filter(index => !uniquesOf(present).some(one => isIndexed(one, [index])))
  const indexed = uniquesOf(schema).flatMap(one => there.filter(index => isIndexed(one, [index])))
  return [
    ...new Set([...asked.map(index => there.find(other => nameless(other) === nameless(index)) ?? index), ...indexed]),
  ]
}

const isUnique = ({ kind }: Constraint): boolean => kind === 'u'

const labelsOf =
  (asked: readonly SchemaObject[], present: readonly SchemaObject[]) =>
  (a: string, b: string): boolean => {
    const labels = (others: readonly SchemaObject[], type: string) =>
      others
        .find(({ type: kind, name }) => kind === 'type' && name === type.replaceAll('"', ''))
        ?.sql.replace(/^.* AS /, '')
    const found = labels(asked, a)
    return found !== undefined && found === labels(present, b)
  }

const whole = ['smallint', 'integer', 'bigint']
const texts = ['character varying(255)', 'text']

/** Whether a column of the second type takes every value of the first, and gives it back as it was. */
const holds = (asked: string, there: string): boolean =>
  asked === there ||
  [whole, ['real', 'double precision'], ['json', 'jsonb']].some(
    kinds => kinds.includes(asked) && kinds.indexOf(asked) < kinds.indexOf(there),
  ) ||
  // 255 is what Sequelize says where no length was asked for
  (texts.includes(asked) && texts.includes(there))

/** @param isNullOpen whether Sequelize decides alone that it is NOT NULL */
const columnWithUnsaid = (
  column: Column,
  there: Column,
  isNullOpen: boolean,
  isSameEnum: (a: string, b: string) => boolean,
): Column => {
  if (there.generated !== '') return there
  const isNumbered = there.identity !== '' || isSerial(there)
  return {
    ...column,
    number: there.number,
    type: holds(column.type, there.type) || isSameEnum(column.type, there.type) ? there.type : column.type,
    collation: column.collation ?? there.collation,
    required: isNullOpen ? there.required : column.required,
    identity: there.identity,
    expression: isNumbered || column.expression === null ? there.expression : column.expression,
  }
}
