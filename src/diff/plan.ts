// This room is about SQLite.
import { compareSchemas, compareTables, describeIndex, isSameDefault } from '../sqlite/schema/compare.ts'
import {
  type Column,
  type Index,
  type Schema,
  type Table,
  type Trigger,
  tableNamed,
  type View,
} from '../sqlite/schema/read.ts'
import { hasName, isSameSql, sameName } from '../sqlite/sql.ts'
import {
  columnText,
  indexText,
  isBeyondText,
  nameIn,
  namesIn,
  referenceText,
  tableText,
  withoutBackticks,
} from './create-table.ts'
import type { Losses, Part, Step } from './write.ts'

/** The parts that make one schema of another, in an order in which they can run. A pure function. */
export const planChange = (from: Schema, to: Schema, losses: Losses): readonly Part[] => {
  const part = (step: Step, decide?: string): Part => ({ step, decide: losses === 'run' ? undefined : decide })
  const sql = (text: string, decide?: string): Part => part({ does: 'sql', sql: withoutBackticks(text) }, decide)
  const gone = from.tables.filter(({ name }) => tableNamed(to, name) === undefined)
  const made = to.tables.filter(({ name }) => tableNamed(from, name) === undefined)
  // their drop waits for a decision, and takes their triggers along
  const kept = losses === 'decide' ? gone : []
  const views = textChanges(from.views, to.views)
  // a view takes its triggers along
  const standing = from.triggers.filter(({ table }) => !views.gone.some(({ name }) => sameName(name, table)))
  const triggers = textChanges(standing, to.triggers)
  return [
    ...triggers.gone
      .filter(({ table }) => !kept.some(({ name }) => sameName(name, table)))
      .map(({ name }) => sql(`DROP TRIGGER ${nameIn(name)}`)),
    ...views.gone.map(({ name }) => sql(`DROP VIEW ${nameIn(name)}`)),
    ...made.flatMap(table => {
      const twin = kept.find(other => isAlike(other, table))
      return [
        sql(createText(table)),
        ...(twin === undefined
          ? []
          : [
              sql(
                `ALTER TABLE ${nameIn(twin.name)} RENAME TO ${nameIn(table.name)}`,
                `was ${twin.name} renamed? Then use this instead of the CREATE TABLE above and the DROP TABLE below: it keeps the rows`,
              ),
            ]),
        ...table.indexes.flatMap(index => (index.sql === null ? [] : sql(index.sql))),
      ]
    }),
    ...to.tables.flatMap(table => {
      const present = tableNamed(from, table.name)
      return present === undefined ? [] : changeTable(present, table, part, losses)
    }),
    ...gone.map(({ name }) =>
      sql(`DROP TABLE ${nameIn(name)}`, `drops the table ${name} and its rows: removesRows has to name it`),
    ),
    ...views.made.map(view => sql(view.sql)),
    ...triggers.made.map(trigger => sql(trigger.sql)),
  ]
}

const createText = (table: Table): string => (isBeyondText(table) ? table.sql : tableText(table, table))

/** Whether one could be the other under a new name. */
const isAlike = (a: Table, b: Table): boolean => {
  const names = ({ columns }: Table) =>
    columns
      .map(({ name }) => name.toLowerCase())
      .toSorted()
      .join()
  return !a.virtual && !b.virtual && names(a) === names(b)
}

const textChanges = <T extends View | Trigger>(from: readonly T[], to: readonly T[]) => {
  const isIn = (one: T, others: readonly T[]): boolean =>
    others.some(({ name, sql }) => sameName(name, one.name) && isSameSql(sql, one.sql))
  return { gone: from.filter(one => !isIn(one, to)), made: to.filter(one => !isIn(one, from)) }
}

type MakePart = (step: Step, decide?: string) => Part

const changeTable = (from: Table, to: Table, part: MakePart, losses: Losses): readonly Part[] => {
  if (compareTables(to, from, 'difference').every(({ weight, what }) => weight === 'information' && what !== 'extra'))
    return []
  const sql = (text: string, decide?: string): Part => part({ does: 'sql', sql: withoutBackticks(text) }, decide)
  const table = nameIn(from.name)
  if (from.virtual || to.virtual)
    return [
      sql(`DROP TABLE ${table}`, `creates the virtual table ${from.name} again: its contents have to be written again`),
      sql(to.sql, 'with the drop above'),
    ]
  const isKeyOther = keyOf(from) !== keyOf(to)
  if (isKeyOther || isBeyondText(from) || isBeyondText(to)) return [rebuildWhole(from, to, part, isKeyOther)]

  const columns = pairColumns(from, to)
  const indexes = indexChanges(from, to)
  const made = columns.made.map(column => ({ column, isAdded: isAddable(to, column) }))
  const waits = losses === 'decide' ? columns.gone.filter(isOwed) : []
  const wanted = wantedTable(from, to, columns, indexes, waits)
  const plain = made.filter(({ isAdded }) => isAdded).map(({ column }) => column)
  const isRebuilt =
    made.some(({ isAdded }) => !isAdded) ||
    needsRebuild(
      { ...from, columns: [...from.columns, ...wanted.columns.filter(({ name }) => hasName(namesOf(plain), name))] },
      wanted,
      plain,
    )
  const changed = columns.both.map(([before, after]) => ({ name: nameIn(after.name), before, after }))
  return [
    ...indexes.dropped
      .filter(({ decide }) => decide === undefined)
      .map(({ index }) => sql(`DROP INDEX ${nameIn(String(index.name))}`)),
    ...(isRebuilt
      ? [part({ does: 'rebuild', table: from.name, createSql: tableText(wanted, from, to), copy: [] })]
      : plain.map(column => sql(`ALTER TABLE ${table} ADD COLUMN ${addedText(wanted, column)}`))),
    ...computedParts(from, to, wanted, columns, part),
    ...changed.flatMap(({ before, after }) =>
      isOtherType(before, after) ? [typePart(from.name, before, after, part)] : [],
    ),
    ...changed.flatMap(({ name, before, after }) =>
      before.notNull && !after.notNull && isAlterable(after) && !isRebuilt
        ? [sql(`ALTER TABLE ${table} ALTER COLUMN ${name} DROP NOT NULL`)]
        : [],
    ),
    ...changed.flatMap(({ name, before, after }) =>
      !before.notNull && after.notNull && isAlterable(after) ? notNullParts(table, name, after, sql, losses) : [],
    ),
    ...columns.made.filter(isOwed).flatMap(column => notNullParts(table, nameIn(column.name), column, sql, losses)),
    ...(isRebuilt ? [] : waits).map(({ name }) =>
      sql(`ALTER TABLE ${table} ALTER COLUMN ${nameIn(name)} DROP NOT NULL`),
    ),
    ...renames(from, columns, sql, losses),
    ...columns.gone.map(({ name }) =>
      sql(`ALTER TABLE ${table} DROP COLUMN ${nameIn(name)}`, `drops the column ${from.name}.${name} and its values`),
    ),
    ...indexes.dropped
      .filter(({ decide }) => decide !== undefined)
      .map(({ index, decide }) => sql(`DROP INDEX ${nameIn(String(index.name))}`, decide)),
    ...indexes.made.map(({ index, decide }) => sql(index.sql ?? indexText(to, index, defaultName(to, index)), decide)),
  ]
}

const namesOf = (columns: readonly Column[]): readonly string[] => columns.map(({ name }) => name)
const isAlterable = ({ key, generated }: Column): boolean => key === 0 && generated === null
const canBeNotNull = (column: Column): boolean => column.default !== null || column.generated !== null
/** Whether each new row has to have a value: none can be made while its drop waits for a decision. */
const isOwed = (column: Column): boolean => column.notNull && isAlterable(column) && !canBeNotNull(column)
const defaultName = ({ name }: Table, { parts }: Index): string =>
  [name, ...parts.map(({ of }) => of.replaceAll(/\W+/g, '_')), 'uk'].join('_')

/** What cannot be changed but by writing the whole table: the primary key, and what goes with it. */
const keyOf = ({ columns, withoutRowid }: Table): string =>
  JSON.stringify([
    withoutRowid,
    ...columns
      .filter(({ key }) => key > 0)
      .map(({ name, key, rowidAlias, affinity, collation }) => [
        key,
        name.toLowerCase(),
        rowidAlias,
        affinity,
        collation,
      ])
      .toSorted(),
  ])

const rebuildWhole = (from: Table, to: Table, part: MakePart, isKeyOther: boolean): Part => {
  const goes = from.columns.filter(({ name, generated }) => generated === null && !hasName(namesOf(to.columns), name))
  const why = isKeyOther ? 'has another primary key' : 'has ON CONFLICT clauses'
  return part(
    { does: 'rebuild', table: from.name, createSql: createText(to), copy: namesOf(goes) },
    `${from.name} ${why}: rows may have to be made distinct first`,
  )
}

type Columns = Readonly<{
  both: readonly (readonly [Column, Column])[]
  made: readonly Column[]
  gone: readonly Column[]
}>

const pairColumns = (from: Table, to: Table): Columns => ({
  both: from.columns.flatMap(before =>
    to.columns.filter(({ name }) => sameName(name, before.name)).map(after => [before, after] as const),
  ),
  made: to.columns.filter(({ name }) => !hasName(namesOf(from.columns), name)),
  gone: from.columns.filter(({ name }) => !hasName(namesOf(to.columns), name)),
})

/** Whether ALTER TABLE adds it where there are rows: https://www.sqlite.org/lang_altertable.html#altertabaddcol */
const isAddable = ({ foreignKeys }: Table, column: Column): boolean => {
  const keys = foreignKeys.filter(({ columns }) => hasName(columns, column.name))
  return (
    column.generated?.kind !== 'stored' &&
    !/^\(|^CURRENT_|[a-z_]\(/i.test(column.default ?? '') &&
    (keys.length === 0 || (column.default === null && keys.length === 1 && keys[0]?.columns.length === 1))
  )
}

const addedText = (table: Table, { name }: Column): string =>
  [
    ...table.columns.filter(other => sameName(other.name, name)).map(column => columnText(column)),
    ...table.foreignKeys
      .filter(key => hasName(key.columns, name))
      .map(key => `${namesIn(table).ofKey(key)}${referenceText(key)}`),
  ].join(' ')

/** The table as far as it may be made without a decision: columns stay, and NOT NULL, UNIQUE and other types come later. */
const wantedTable = (
  from: Table,
  to: Table,
  { both, made }: Columns,
  indexes: IndexChanges,
  waits: readonly Column[],
): Table => ({
  ...to,
  name: from.name,
  columns: [
    ...from.columns.map(before => {
      const after = both.find(([one]) => one === before)?.[1]
      if (after === undefined) return waits.includes(before) ? { ...before, notNull: false } : before
      if (before.generated === null && after.generated !== null) return before
      if (after.generated !== null || before.generated !== null) return { ...after, name: before.name }
      return {
        ...after,
        name: before.name,
        type: before.type,
        affinity: before.affinity,
        notNull: before.key > 0 ? after.notNull : before.notNull && after.notNull,
        ...(isSameDefault(before.default, after.default, before.affinity) ? { default: before.default } : {}),
      }
    }),
    ...made.map(column => (isOwed(column) ? { ...column, notNull: false } : column)),
  ],
  indexes: from.indexes.filter(index => index.name === null && !indexes.unnamed.includes(index)),
})

/** Whether there is more to change than ALTER TABLE can. */
const needsRebuild = (from: Table, wanted: Table, added: readonly Column[]): boolean => {
  const keys = wanted.foreignKeys.filter(({ columns }) => !columns.some(name => hasName(namesOf(added), name)))
  const bare = (table: Table, foreignKeys: Table['foreignKeys']): Table => ({
    ...table,
    foreignKeys,
    indexes: table.indexes.filter(({ name }) => name === null),
    columns: table.columns.map(column => ({ ...column, notNull: isAlterable(column) ? false : column.notNull })),
  })
  const findings = compareTables(bare(wanted, keys), bare(from, from.foreignKeys), 'difference')
  return findings.some(({ weight }) => weight === 'difference')
}

const isOtherType = (before: Column, after: Column): boolean =>
  before.generated === null && after.generated === null && before.affinity !== after.affinity

const typePart = (table: string, column: Column, { type }: Column, part: MakePart): Part =>
  part({ does: 'change type', table, column: column.name, type })

/** Columns whose values are computed from now on: they get a rebuild of their own, for what was in them is lost. */
const computedParts = (from: Table, to: Table, wanted: Table, { both }: Columns, part: MakePart): readonly Part[] => {
  const computed = both.filter(([before, after]) => before.generated === null && after.generated !== null)
  if (computed.length === 0) return []
  const names = computed.map(([before]) => before.name)
  const columns = wanted.columns.map(column => computed.find(([before]) => before.name === column.name)?.[1] ?? column)
  const createSql = tableText({ ...wanted, columns }, from, to)
  const what = names.map(name => `${from.name}.${name}`).join(', ')
  return [
    part(
      { does: 'rebuild', table: from.name, createSql, copy: names },
      `${what} will be computed: the values stored there are lost`,
    ),
  ]
}

const notNullParts = (
  table: string,
  name: string,
  { default: fallback }: Column,
  sql: (text: string, decide?: string) => Part,
  losses: Losses,
): readonly Part[] => {
  const fill = `UPDATE ${table} SET ${name} = ${fallback ?? '...'} WHERE ${name} IS NULL`
  const first =
    losses === 'decide' || fallback !== null ? [sql(fill, 'fills what is NULL before the column is NOT NULL')] : []
  return [...first, sql(`ALTER TABLE ${table} ALTER COLUMN ${name} SET NOT NULL`, 'fails if a row has NULL there')]
}

/** One column that goes while another of its type comes may be the same under another name. */
const renames = (
  { name: table }: Table,
  { made, gone }: Columns,
  sql: (text: string, decide?: string) => Part,
  losses: Losses,
): readonly Part[] => {
  if (losses === 'run') return []
  return gone.flatMap(before => {
    const alike = made.filter(({ affinity, generated }) => affinity === before.affinity && generated === null)
    const [after] = alike
    if (after === undefined || alike.length > 1 || before.generated !== null) return []
    const text = `ALTER TABLE ${nameIn(table)} RENAME COLUMN ${nameIn(before.name)} TO ${nameIn(after.name)}`
    return [sql(text, `was ${table}.${before.name} renamed? Then use this instead of adding ${after.name}`)]
  })
}

type IndexChange = Readonly<{ index: Index; decide: string | undefined }>
type IndexChanges = Readonly<{
  dropped: readonly IndexChange[]
  made: readonly IndexChange[]
  /** UNIQUEs of the table that go with a rebuild */
  unnamed: readonly Index[]
}>

/** Rows that are alike refuse a unique index, unless one of its columns is new and empty, or they are held apart already. */
const indexChanges = (from: Table, to: Table): IndexChanges => {
  const isSame = (a: Index, b: Index): boolean => isSameSql(describeIndex(a), describeIndex(b))
  const isIn = (index: Index, others: readonly Index[]): boolean =>
    others.some(
      other =>
        isSame(index, other) &&
        (index.name === null || other.name === null ? index.name === other.name : sameName(index.name, other.name)),
    )
  // a UNIQUE without a name may be any unique index, but for one whose name is taken by another
  const isKept = (index: Index): boolean =>
    isIn(index, to.indexes) ||
    (index.name !== null &&
      !hasName(
        to.indexes.flatMap(({ name }) => name ?? []),
        index.name,
      ) &&
      to.indexes.some(other => other.name === null && isSame(index, other)))
  const kept = from.indexes.filter(isKept)
  const gone = from.indexes.filter(index => !isKept(index))
  const made = to.indexes.filter(index =>
    index.name === null ? !kept.some(other => isSame(index, other)) : !isIn(index, kept),
  )
  const isEmpty = (of: string): boolean =>
    to.columns.some(column => sameName(column.name, of) && column.default === null && column.generated === null) &&
    !hasName(namesOf(from.columns), of)
  const risk = (index: Index): string | undefined =>
    !index.unique || index.parts.some(({ of }) => isEmpty(of)) || from.indexes.some(other => isSame(index, other))
      ? undefined
      : `fails if two rows of ${from.name} have the same ${index.parts.map(({ of }) => of).join(', ')}`
  const replaced = (index: Index): string | undefined => {
    const next = made.find(({ name }) => name !== null && index.name !== null && sameName(name, index.name))
    return next === undefined || risk(next) === undefined ? undefined : 'with the unique index below'
  }
  return {
    dropped: gone.filter(({ name }) => name !== null).map(index => ({ index, decide: replaced(index) })),
    made: made.map(index => ({ index, decide: risk(index) })),
    unnamed: gone.filter(({ name }) => name === null),
  }
}

/** What is left to be different, as one line each. */
export const differencesOf = (to: Schema, from: Schema) =>
  compareSchemas(to, from, { adopted: false }).filter(({ weight, what }) => weight === 'difference' || what === 'extra')
