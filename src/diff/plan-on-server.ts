// This file is about PostgreSQL.
import type { SchemaObject } from '../engine.ts'
import { nameless, pairConstraints, pairOthers } from '../postgres/compare.ts'
import { type Column, type Constraint, describeColumn, type ServerSchema, type Table } from '../postgres/schema.ts'
import { fold, literal, quote, tokensOf } from '../postgres/sql.ts'
import type { Losses, SqlPart } from './write.ts'

/** Makes a part of statements. */
type MakePart = (sql: string, decide?: string) => SqlPart

/**
 * The parts that make one schema of a server of another, nearly in an order in which they can run: what an expression needs is not
 * read out of its text, so the trial runs what fails once more behind the others. A pure function.
 */
export const planOnServer = (
  from: ServerSchema,
  to: ServerSchema,
  losses: Losses,
  { isOfModels }: Readonly<{ isOfModels: boolean }>,
): readonly SqlPart[] => {
  const part: MakePart = (sql, decide) => ({
    step: { does: 'sql', sql },
    decide: losses === 'run' ? undefined : decide,
  })
  const made = parentsFirst(to.tables.filter(({ name }) => !isNamed(from.tables, name)))
  const gone = parentsFirst(from.tables.filter(({ name }) => !isNamed(to.tables, name))).toReversed()
  // their drop waits for a decision
  const kept = losses === 'decide' ? gone : []
  const both = from.tables.flatMap(before =>
    to.tables.filter(({ name }) => name === before.name).map(after => ({ before, after, part })),
  )
  const changes = both.map(pair => changeTable(pair, losses))
  const others = changeOthers(from, to, part, losses, isOfModels)
  // one that a table is made with may yet have to be made itself
  const [inTables, later] = divide(
    made.flatMap(({ constraints }) => constraints.filter(({ kind }) => kind === 'f')),
    ({ table, parent }) => !made.slice(made.findIndex(({ name }) => name === table) + 1).some(isCalled(parent)),
  )
  return [
    ...others.before,
    ...changes.flatMap(({ unbound }) => unbound),
    ...made.flatMap(table => [part(createText(table, inTables)), ...renameOf(kept, table, part)]),
    ...changes.flatMap(({ changed }) => changed),
    ...changes.flatMap(({ bound }) => bound),
    ...later.map(key => part(addText(key))),
    ...(losses === 'run' ? circlesOf(gone).map(key => part(dropText(key))) : []),
    ...gone.map(({ name }) =>
      part(`DROP TABLE ${quote(name)}`, `drops the table ${name} and its rows: removesRows has to name it`),
    ),
    ...others.after,
  ]
}

const isCalled =
  (name: string | null) =>
  (thing: Readonly<{ name: string }>): boolean =>
    thing.name === name
const isNamed = (things: readonly Readonly<{ name: string }>[], name: string): boolean => things.some(isCalled(name))
const divide = <T>(things: readonly T[], isFirst: (thing: T) => boolean): readonly [readonly T[], readonly T[]] => [
  things.filter(isFirst),
  things.filter(thing => !isFirst(thing)),
]

const alter = (table: string, ...actions: readonly string[]): string =>
  `ALTER TABLE ${quote(table)} ${actions.join(', ')}`
const addText = ({ table, name, definition }: Constraint): string =>
  alter(table, `ADD CONSTRAINT ${quote(name)} ${definition}`)
const dropText = ({ table, name }: Constraint): string => alter(table, `DROP CONSTRAINT ${quote(name)}`)

/** Tables that it refers to, or is a part of. */
const parentsOf = ({ constraints, end }: Table): readonly (string | null)[] => {
  const [, whole = ''] = /^ INHERITS \((.*?)\)/.exec(end) ?? []
  return [...constraints.map(({ parent }) => parent), ...tokensOf(whole).map(({ text }) => fold(text))]
}

/** Tables behind their parents; a circle is cut somewhere. */
const parentsFirst = (tables: readonly Table[]): readonly Table[] => {
  const placed: Table[] = []
  const place = (table: Table, path: readonly Table[]): void => {
    if (placed.includes(table) || path.includes(table)) return
    for (const name of parentsOf(table))
      for (const parent of tables.filter(isCalled(name))) place(parent, [...path, table])
    placed.push(table)
  }
  for (const table of tables) place(table, [])
  return placed
}

/** The keys that lead to a table which is dropped before their own. */
const circlesOf = (dropped: readonly Table[]): readonly Constraint[] =>
  dropped.flatMap(({ constraints }, index) =>
    constraints.filter(({ parent }) => dropped.slice(0, index).some(isCalled(parent))),
  )

const partition = /^ INHERITS \((.+?)\) (FOR VALUES .*|DEFAULT.*)$/s

/** @param keys foreign keys of tables that may be made with them */
const createText = ({ name, columns, constraints, end }: Table, keys: readonly Constraint[]): string => {
  const [, parent, bound] = partition.exec(end) ?? []
  // it gets columns and constraints from the whole
  if (parent !== undefined) return `CREATE TABLE ${quote(name)} PARTITION OF ${parent} ${bound}`
  const lines = [
    ...columns.map(columnText),
    ...constraints
      .filter(constraint => constraint.kind !== 'f' || keys.includes(constraint))
      .map(constraint => `CONSTRAINT ${quote(constraint.name)} ${constraint.definition}`),
  ]
  return `CREATE TABLE ${quote(name)} (\n  ${lines.join(',\n  ')}\n)${end}`
}

/** The sequence that `serial` made for a column; undefined for every other column. */
const sequenceOf = ({ table, name, type, expression, generated }: Column): string | undefined => {
  const [, text] = /^nextval\('(.+)'::regclass\)$/.exec(expression ?? '') ?? []
  const sequence = text === undefined ? undefined : fold(text.replaceAll("''", "'"))
  const isSerial = generated === '' && sequence === `${table}_${name}_seq` && type in serials
  return isSerial ? sequence : undefined
}
const serials: Readonly<Record<string, string>> = { smallint: 'smallserial', integer: 'serial', bigint: 'bigserial' }

/** Where a sequence of its own numbers it, it is made with the column, and goes with it. */
const columnText = (column: Column): string =>
  `${quote(column.name)} ${sequenceOf(column) === undefined ? describeColumn(column) : serials[column.type]}`

/** A table that goes while one with the same columns comes may be the same under another name. */
const renameOf = (kept: readonly Table[], { name, columns }: Table, part: MakePart): readonly SqlPart[] => {
  const namesOf = (all: readonly Column[]): string =>
    all
      .map(column => column.name)
      .toSorted()
      .join()
  const twin = kept.find(other => namesOf(other.columns) === namesOf(columns))
  if (twin === undefined) return []
  const why = `was ${twin.name} renamed? Then use this instead of the CREATE TABLE above and the DROP TABLE below: it keeps the rows`
  return [part(alter(twin.name, `RENAME TO ${quote(name)}`), why)]
}

type Pair = Readonly<{ before: Table; after: Table; part: MakePart }>

/** What changes in a table: what is taken off it first, what changes, and the keys that need all tables to be as they shall. */
const changeTable = (
  { before, after, part }: Pair,
  losses: Losses,
): Readonly<Record<'unbound' | 'changed' | 'bound', readonly SqlPart[]>> => {
  const { name } = after
  const columns = after.columns.flatMap(now => before.columns.filter(isCalled(now.name)).map(was => ({ was, now })))
  const made = after.columns.filter(column => !isNamed(before.columns, column.name))
  const gone = before.columns.filter(column => !isNamed(after.columns, column.name))
  const {
    same: _,
    renamed,
    changed,
    gone: dropped,
    made: added,
  } = pairConstraints(before.constraints, after.constraints)
  const risk = riskOf(before, made)
  // a new column of a key is filled by its default, or NULL; one that was there may be NULL
  const isFilled = (column: string): boolean =>
    columns.some(({ was }) => was.name === column && was.required) ||
    made.some(one => one.name === column && hasValue(one))
  const riskOfConstraint = ({ kind, definition, columns: of }: Constraint): string | undefined => {
    if (kind === 'p' && !of.every(isFilled)) return `fails if a row of ${name} has NULL in ${definition}`
    return isUnique(kind) ? risk(definition, of) : undefined
  }
  const replace = ([was, now]: readonly [Constraint, Constraint]): SqlPart =>
    part(
      alter(name, `DROP CONSTRAINT ${quote(was.name)}`, `ADD CONSTRAINT ${quote(now.name)} ${now.definition}`),
      riskOfConstraint(now),
    )
  const add = (constraint: Constraint): SqlPart => part(addText(constraint), riskOfConstraint(constraint))
  const inKey = (of: Table, column: string): boolean =>
    of.constraints.some(({ kind, columns: all }) => kind === 'p' && all.includes(column))
  const [keysOf, rest] = divide(added, ({ kind }) => kind === 'f')
  const dropPrimary = dropped.filter(({ kind }) => kind === 'p')
  return {
    unbound: [
      ...dropped.filter(({ kind }) => kind === 'f').map(key => part(dropText(key))),
      ...dropped.filter(({ kind }) => kind !== 'f' && kind !== 'p').map(one => part(dropText(one))),
      ...dropPrimary.map(one =>
        part(dropText(one), `${name} has another primary key: rows may have to be made distinct first`),
      ),
    ],
    changed: [
      ...optionParts(before, after, part),
      ...made.flatMap(column => madeParts(column, inKey(after, column.name), part, losses)),
      ...columns.flatMap(({ was, now }) =>
        columnParts(was, now, { wasKey: inKey(before, was.name), isKey: inKey(after, now.name), part, losses }),
      ),
      // before a column goes, and takes along what it is in
      ...changed.filter(([, now]) => now.kind !== 'f').map(replace),
      ...renamesOf(made, gone, part, losses),
      ...gone.flatMap(column => goneParts(column, inKey(before, column.name), part, losses)),
      ...renamed.map(([was, now]) => part(alter(name, `RENAME CONSTRAINT ${quote(was.name)} TO ${quote(now.name)}`))),
      ...rest.map(add),
    ],
    bound: [...changed.filter(([, now]) => now.kind === 'f').map(replace), ...keysOf.map(add)],
  }
}

const isUnique = (kind: Constraint['kind']): boolean => kind === 'p' || kind === 'u' || kind === 'x'

/** Rows that are alike refuse a unique index, unless one of its columns is new and empty, or they are held apart already. */
const riskOf = (before: Table, made: readonly Column[]) => {
  const empty = made.filter(({ expression, identity }) => expression === null && identity === '')
  return (definition: string, columns: readonly string[]): string | undefined => {
    const isHeld = before.constraints.some(
      ({ kind, columns: held }) =>
        (kind === 'p' || kind === 'u') && held.length > 0 && held.every(column => columns.includes(column)),
    )
    if (isHeld || columns.some(column => isNamed(empty, column))) return undefined
    return `fails if two rows of ${before.name} are equal by ${definition}`
  }
}

/** What may be said behind CREATE TABLE, as far as ALTER TABLE changes it; the rest is told as not written. */
const optionParts = (before: Table, after: Table, part: MakePart): readonly SqlPart[] => {
  const [was, now] = [optionsOf(before), optionsOf(after)]
  const [wasUnlogged, isUnlogged] = [before, after].map(({ end }) => end.includes(' UNLOGGED'))
  const namesOf = (options: readonly string[]) => options.map(option => option.replace(/=.*/s, ''))
  const set = now.filter(option => !was.includes(option))
  const reset = namesOf(was).filter(option => !namesOf(now).includes(option))
  return [
    ...(wasUnlogged === isUnlogged ? [] : [part(alter(after.name, isUnlogged ? 'SET UNLOGGED' : 'SET LOGGED'))]),
    ...(set.length === 0 ? [] : [part(alter(after.name, `SET (${set.join(', ')})`))]),
    ...(reset.length === 0 ? [] : [part(alter(after.name, `RESET (${reset.join(', ')})`))]),
  ]
}

const optionsOf = ({ end }: Table): readonly string[] => {
  const [, options] = / WITH \((.*)\)/s.exec(end) ?? []
  return options === undefined ? [] : options.split(', ')
}

const hasValue = ({ expression, identity, generated }: Column): boolean =>
  expression !== null || identity !== '' || generated !== ''

const notNullParts = ({ table, name, expression }: Column, part: MakePart, losses: Losses): readonly SqlPart[] => {
  const [whole, column] = [quote(table), quote(name)]
  const fill = `UPDATE ${whole} SET ${column} = ${expression ?? '...'} WHERE ${column} IS NULL`
  const first =
    losses === 'decide' || expression !== null ? [part(fill, 'fills what is NULL before the column is NOT NULL')] : []
  return [...first, part(alter(table, `ALTER COLUMN ${column} SET NOT NULL`), 'fails if a row has NULL there')]
}

/** @param isKey whether it is of a primary key, which makes it NOT NULL */
const madeParts = (column: Column, isKey: boolean, part: MakePart, losses: Losses): readonly SqlPart[] => {
  const add = (made: Column): SqlPart => part(alter(column.table, `ADD COLUMN ${columnText(made)}`))
  if (!column.required || hasValue(column)) return [add(column)]
  return [add({ ...column, required: false }), ...(isKey ? [] : notNullParts(column, part, losses))]
}

/** While its drop waits for a decision, nobody has to write it any more. */
const goneParts = (column: Column, isKey: boolean, part: MakePart, losses: Losses): readonly SqlPart[] => {
  const { table, name } = column
  const at = quote(name)
  const waits = losses === 'decide' && column.required && !hasValue(column) && !isKey
  return [
    ...(waits ? [part(alter(table, `ALTER COLUMN ${at} DROP NOT NULL`))] : []),
    part(alter(table, `DROP COLUMN ${at}`), `drops the column ${table}.${name} and its values`),
  ]
}

/** One column that goes while another of its type comes may be the same under another name. */
const renamesOf = (
  made: readonly Column[],
  gone: readonly Column[],
  part: MakePart,
  losses: Losses,
): readonly SqlPart[] => {
  if (losses === 'run') return []
  return gone.flatMap(({ table, name, type, generated }) => {
    const [twin, another] = made.filter(column => column.type === type && column.generated === '')
    if (twin === undefined || another !== undefined || generated !== '') return []
    const text = alter(table, `RENAME COLUMN ${quote(name)} TO ${quote(twin.name)}`)
    return [part(text, `was ${table}.${name} renamed? Then use this instead of adding ${twin.name}`)]
  })
}

type ColumnChange = Readonly<{ wasKey: boolean; isKey: boolean; part: MakePart; losses: Losses }>

const columnParts = (was: Column, now: Column, { wasKey, isKey, part, losses }: ColumnChange): readonly SqlPart[] => {
  const { table } = now
  const at = `ALTER COLUMN ${quote(now.name)}`
  if (was.generated !== '' || now.generated !== '') return computedParts(was, now, part)
  const isOther = isOtherType(was, now)
  const first = was.expression === null ? [] : [`${at} DROP DEFAULT`]
  const last = now.expression === null ? [] : [`${at} SET DEFAULT ${now.expression}`]
  const isOtherDefault = was.expression !== now.expression && now.identity === ''
  const values = isOther
    ? [alter(table, ...first, `${at} ${typeText(was, now)}`, ...last)]
    : isOtherDefault
      ? [alter(table, last[0] ?? `${at} DROP DEFAULT`)]
      : []
  const free = was.required && !now.required ? [alter(table, `${at} DROP NOT NULL`)] : []
  if (was.identity !== '' && now.identity === '')
    return [
      part(
        [alter(table, `${at} DROP IDENTITY`), ...values, ...free].join(';\n'),
        `${table}.${now.name} is no longer numbered, or starts at 1 again`,
      ),
    ]
  return [
    ...values.map(text => part(text, isOther ? typeRisk(was, now) : undefined)),
    ...(!was.required && now.required && !isKey ? notNullParts(now, part, losses) : []),
    ...numberingParts({ ...was, expression: isOther ? now.expression : was.expression }, now, part),
    ...free.map(text => part(text, wasKey ? 'with the primary key' : undefined)),
  ]
}

const isOtherType = (was: Column, now: Column): boolean => was.type !== now.type || was.collation !== now.collation

const typeText = ({ type }: Column, now: Column): string => {
  const collate = now.collation === null ? '' : ` COLLATE ${now.collation}`
  return `TYPE ${now.type}${collate}${isWider(type, now.type) ? '' : ` USING ${quote(now.name)}::${now.type}`}`
}

const typeRisk = (was: Column, now: Column): string | undefined =>
  isWider(was.type, now.type)
    ? undefined
    : `${now.table}.${now.name} was ${was.type} and becomes ${now.type}: values may change, or fail to convert`

const whole = ['smallint', 'integer', 'bigint', 'numeric']
const lengthOf = (type: string): number | undefined => {
  const [, length] = /^(?:text|character varying(?:\((\d+)\))?)$/.exec(type) ?? [undefined, '-1']
  return length === '-1' ? undefined : Number(length ?? Number.POSITIVE_INFINITY)
}

/** Whether a type holds every value of another one as it is. */
const isWider = (was: string, now: string): boolean => {
  if (was === now) return true
  const [before, after] = [lengthOf(was), lengthOf(now)]
  if (before !== undefined && after !== undefined) return after >= before
  if (was === 'real' && now === 'double precision') return true
  return whole.includes(was) && whole.indexOf(was) < whole.indexOf(now)
}

/** Columns that are computed, or were, or will be. */
const computedParts = (was: Column, now: Column, part: MakePart): readonly SqlPart[] => {
  if (describeColumn(was) === describeColumn(now)) return []
  const name = quote(now.name)
  const anew = alter(now.table, `DROP COLUMN ${name}`, `ADD COLUMN ${columnText(now)}`)
  const place = `${now.table}.${now.name}`
  if (was.generated === '') return [part(anew, `${place} will be computed: the values stored there are lost`)]
  if (now.generated !== '') return [part(anew)]
  return was.generated === 's'
    ? [part(alter(now.table, `ALTER COLUMN ${name} DROP EXPRESSION`))]
    : [part(anew, `${place} will no longer be computed: it starts without values`)]
}

/** A column that gets an identity, or another one. */
const numberingParts = (was: Column, now: Column, part: MakePart): readonly SqlPart[] => {
  const { table } = now
  const at = `ALTER COLUMN ${quote(now.name)}`
  const how = now.identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'
  if (was.identity === now.identity) return []
  if (was.identity !== '' && now.identity !== '') return [part(alter(table, `${at} SET GENERATED ${how}`))]
  const sequence = `pg_get_serial_sequence(${literal(quote(table))}, ${literal(now.name)})`
  const statements = [
    ...(was.expression === null ? [] : [alter(table, `${at} DROP DEFAULT`)]),
    alter(table, `${at} ADD GENERATED ${how} AS IDENTITY`),
    `SELECT setval(${sequence}, coalesce(max(${quote(now.name)}), 0) + 1, false) FROM ${quote(table)}`,
  ]
  return [part(statements.join(';\n'), was.required ? undefined : 'fails unless the column is NOT NULL')]
}

/** What changes around tables: before they change, and after. */
const changeOthers = (
  from: ServerSchema,
  to: ServerSchema,
  part: MakePart,
  losses: Losses,
  isOfModels: boolean,
): Readonly<{ before: readonly SqlPart[]; after: readonly SqlPart[] }> => {
  const isKept = ({ type, table }: SchemaObject): boolean =>
    !hasTable(type) || !isNamed(from.tables, table) || isNamed(to.tables, table)
  const isValid = ({ sql }: SchemaObject): boolean => !/ -- invalid$/.test(sql)
  const { same, renamed, changed, gone, made } = pairOthers(from.others.filter(isKept), to.others.filter(isValid))
  const affected = affectedViews(from, to, same, losses)
  const of = (things: readonly SchemaObject[], ...types: readonly string[]) =>
    things.filter(({ type }) => types.includes(type))
  const changedOf = (...types: readonly string[]) => changed.filter(([{ type }]) => types.includes(type))
  const drop = (object: SchemaObject, decide?: string): SqlPart => part(dropOf(object), decide)
  const create = (object: SchemaObject): SqlPart => part(createOf(object), indexRisk(from, to, object))
  const replaced = (...types: readonly string[]) =>
    changedOf(...types).map(
      ([was, now]) => [drop(was, indexRisk(from, to, now) && 'with the unique index below'), create(now)] as const,
    )
  const indexes = replaced('index')
  const around = replaced('trigger', 'policy')
  const views = replaced('view', 'materialized view')
  const serial = (schema: ServerSchema, isIt: (table: Table, column: Column) => boolean): readonly string[] =>
    schema.tables.flatMap(table =>
      table.columns.filter(column => isIt(table, column)).flatMap(column => sequenceOf(column) ?? []),
    )
  // those come with their columns, or go with them
  const isNewIn =
    (schema: ServerSchema) =>
    ({ name }: Table, column: Column): boolean =>
      !schema.tables.some(table => table.name === name && isNamed(table.columns, column.name))
  const [come, go] = [serial(to, isNewIn(from)), serial(from, isNewIn(to))]
  const isUsed = ({ name }: SchemaObject): boolean =>
    losses === 'decide' && from.tables.some(({ columns }) => columns.some(({ type }) => isOfType(type, name)))
  return {
    before: [
      ...of(gone, 'trigger', 'policy', 'view', 'materialized view').map(object => drop(object)),
      ...around.map(([first]) => first),
      ...views.map(([first]) => first),
      ...affected.toReversed().map(object => drop(object)),
      ...of(gone, 'index').map(object =>
        drop(object, isOfModels ? `the models do not have the index ${object.name}` : undefined),
      ),
      ...indexes.map(([first]) => first),
      ...of(made, 'type', 'domain').map(create),
      ...changedOf('type').flatMap(pair => enumParts(pair, from, to, part)),
      ...changedOf('domain').flatMap(([was, now]) => [
        drop(was, `drops the domain ${was.name} and creates it again`),
        part(createOf(now), 'with the drop above'),
      ]),
      ...of(made, 'sequence')
        .filter(({ name }) => !come.includes(name))
        .map(create),
      ...changedOf('sequence').map(([, now]) => part(alterSequence(now))),
      ...of(made, 'function').map(create),
      ...changedOf('function').map(([, now]) => create(now)),
    ],
    after: [
      ...renamed.map(([was, now]) => part(`ALTER INDEX ${quote(was.name)} RENAME TO ${quote(now.name)}`)),
      ...affected.map(create),
      ...views.map(([, then]) => then),
      ...of(made, 'view', 'materialized view').map(create),
      ...indexes.map(([, then]) => then),
      ...of(made, 'index')
        .filter(({ table }) => !to.tables.some(one => one.name === table && partition.test(one.end)))
        .map(create),
      ...around.map(([, then]) => then),
      ...of(made, 'trigger', 'policy').map(create),
      ...of(gone, 'function', 'domain').map(object => drop(object)),
      ...of(gone, 'sequence')
        .filter(({ name }) => !go.includes(name))
        .map(object => drop(object, `drops the sequence ${object.name} and its current number`)),
      ...of(gone, 'type').map(object => drop(object, isUsed(object) ? 'drop it once no column uses it' : undefined)),
    ],
  }
}

const hasTable = (type: string): boolean => type === 'index' || type === 'trigger' || type === 'policy'
const isOfType = (type: string, name: string): boolean => [name, quote(name)].includes(type.replace(/\[\]$/, ''))

/** Views that have to make way while a type or a computed column changes, each behind those that it reads. */
const affectedViews = (
  from: ServerSchema,
  to: ServerSchema,
  same: readonly SchemaObject[],
  losses: Losses,
): readonly SchemaObject[] => {
  const isMadeAnew = (was: Column, now: Column): boolean => {
    if (was.generated === '') return now.generated !== '' && losses === 'run'
    if (now.generated === '') return was.generated === 'v' && losses === 'run'
    return describeColumn(was) !== describeColumn(now)
  }
  const changesNow = (was: Column, now: Column): boolean =>
    isMadeAnew(was, now) ||
    (`${was.generated}${now.generated}` === '' &&
      isOtherType(was, now) &&
      (losses === 'run' || (typeRisk(was, now) === undefined && (was.identity === '' || now.identity !== ''))))
  const touched = from.tables.filter(({ name, columns }) => {
    const after = to.tables.find(isCalled(name))
    if (after === undefined) return false
    const isGone = (was: Column): boolean => losses === 'run' && !isNamed(after.columns, was.name)
    return columns.some(was => isGone(was) || after.columns.some(now => now.name === was.name && changesNow(was, now)))
  })
  const views = same.filter(({ type }) => type === 'view' || type === 'materialized view')
  const reads = ({ sql }: SchemaObject, name: string): boolean => tokensOf(sql).some(({ text }) => fold(text) === name)
  const names = touched.map(({ name }) => name)
  const found: SchemaObject[] = []
  for (let more = true; more; ) {
    const next = views.find(view => !found.includes(view) && names.some(name => reads(view, name)))
    if (next !== undefined) {
      found.push(next)
      names.push(next.name)
    }
    more = next !== undefined
  }
  return found
}

/** A unique index that refuses rows which are alike. */
const indexRisk = (from: ServerSchema, to: ServerSchema, index: SchemaObject): string | undefined => {
  const { type, table, sql } = index
  const [before, after] = [from, to].map(({ tables }) => tables.find(isCalled(table)))
  if (type !== 'index' || !/^CREATE UNIQUE/.test(sql) || before === undefined || after === undefined) return undefined
  const isThere = from.others.some(other => other.type === 'index' && nameless(other) === nameless(index))
  const words = tokensOf(sql).map(({ text }) => fold(text))
  const columns = after.columns.filter(({ name }) => words.includes(name)).map(({ name }) => name)
  const made = after.columns.filter(({ name }) => !isNamed(before.columns, name))
  return isThere ? undefined : riskOf(before, made)(sql, columns)
}

/** A statement that makes it again, in whatever schema it is run. */
const createOf = ({ type, sql }: SchemaObject): string => {
  if (type === 'function') return sql.replace(/^(CREATE OR REPLACE \w+ )(?:"(?:[^"]|"")*"|[\w$]+)\./, '$1').trimEnd()
  return type === 'index' ? sql.replace(/ ON ONLY /, ' ON ') : sql
}

const dropOf = ({ type, name, table, sql }: SchemaObject): string => {
  if (type === 'trigger' || type === 'policy') return `DROP ${type.toUpperCase()} ${quote(name)} ON ${quote(table)}`
  if (type !== 'function') return `DROP ${type.toUpperCase()} ${quote(name)}`
  const word = /^CREATE OR REPLACE PROCEDURE/.test(sql) ? 'PROCEDURE' : 'FUNCTION'
  return `DROP ${word} ${quote(table)}${name.slice(table.length)}`
}

const alterSequence = ({ sql }: SchemaObject): string =>
  `${sql.replace(/^CREATE/, 'ALTER')}${/ CYCLE$/.test(sql) ? '' : ' NO CYCLE'}`

const labelsOf = ({ sql }: SchemaObject): readonly string[] =>
  tokensOf(sql)
    .map(({ text }) => text)
    .filter(text => text.startsWith("'"))

/** An enum gets new labels in their places; where one goes, the columns of it get another type. */
const enumParts = (
  [was, now]: readonly [SchemaObject, SchemaObject],
  from: ServerSchema,
  to: ServerSchema,
  part: MakePart,
): readonly SqlPart[] => {
  const [before, after] = [labelsOf(was), labelsOf(now)]
  const name = quote(now.name)
  const kept = after.filter(label => before.includes(label))
  if (kept.join() === before.join())
    return after.flatMap((label, index) => {
      if (before.includes(label)) return []
      const place = index === 0 ? `BEFORE ${before[0]}` : `AFTER ${after[index - 1]}`
      return [part(`ALTER TYPE ${name} ADD VALUE ${label} ${place}`)]
    })
  const old = quote(`${now.name} of before`)
  // by then a column has its new default, but for one that waits to be dropped
  const columns = from.tables.flatMap(table => {
    const made = to.tables.find(isCalled(table.name))?.columns
    const own = made === undefined ? [] : table.columns.filter(({ type }) => isOfType(type, now.name))
    return own.map(column => ({ ...column, expression: (made?.find(isCalled(column.name)) ?? column).expression }))
  })
  const statements = [
    `ALTER TYPE ${name} RENAME TO ${old}`,
    createOf(now),
    ...columns.map(column => {
      const at = `ALTER COLUMN ${quote(column.name)}`
      const { expression, type } = column
      const text = `${quote(column.name)}::text${type.endsWith('[]') ? '[]' : ''}`
      const first = expression === null ? [] : [`${at} DROP DEFAULT`]
      const last = expression === null ? [] : [`${at} SET DEFAULT ${expression}`]
      return alter(column.table, ...first, `${at} TYPE ${type} USING ${text}::${type}`, ...last)
    }),
    `DROP TYPE ${old}`,
  ]
  return [part(statements.join(';\n'), `removes labels from ${now.name}: fails if a row has one of them`)]
}
