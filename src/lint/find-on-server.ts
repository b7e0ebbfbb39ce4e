// This file is about PostgreSQL.
import { type ServerRecording, type ServerStep, schemaAfter } from '../dry-run/on-server.ts'
import { isSerial } from '../postgres/compare.ts'
import type { Column, Constraint, ServerSchema, Table } from '../postgres/schema.ts'
import { type Code, type Finding, finding } from './rules.ts'

/** The findings of what a migration did on a server. A pure function. */
export const findOnServer = (recording: ServerRecording): readonly Finding[] => {
  const steps = recording.steps.filter(({ error }) => error === null)
  const old = new Set(recording.before.tables.map(({ oid }) => oid))
  return [...steps.flatMap(step => findInStep(step, old)), ...findNewColumns(recording, steps)]
}

const findInStep = (step: ServerStep, old: ReadonlySet<number>): readonly Finding[] => {
  const tables = step.before.tables.filter(({ oid }) => old.has(oid))
  const tell = (code: Code, message: string): Finding => finding(code, message, step)
  const truncates = /^\s*TRUNCATE\b[\s\S]*\bCASCADE\b/i.test(step.asked)
  return [
    ...(truncates ? [tell('ban-truncate-cascade', 'empties further tables by TRUNCATE ... CASCADE')] : []),
    ...tables.flatMap(was => {
      const now = step.after.tables.find(({ oid }) => oid === was.oid)
      if (now === undefined) return [tell('ban-drop-table', `drops the table ${was.name}`)]
      return findInTable(step, was, now, tell)
    }),
    ...(/ INDEX CONCURRENTLY /.test(step.asked) ? [] : findIndexes(step, tables, tell)),
  ]
}

type Tell = (code: Code, message: string) => Finding

const findInTable = (step: ServerStep, was: Table, now: Table, tell: Tell): readonly Finding[] => {
  const { name } = was
  const rewritten = step.rewritten.includes(was.oid)
  const pairs = was.columns.map(old => [old, now.columns.find(({ number }) => number === old.number)] as const)
  const came = now.columns.filter(({ number }) => !was.columns.some(old => old.number === number))
  const changed = pairs.filter(([old, column]) => column !== undefined && column.type !== old.type)
  const rewriting = rewritten ? `, which rewrites ${name}` : ''
  return [
    ...(now.name === name ? [] : [tell('renaming-table', `renames the table ${name} to ${now.name}`)]),
    ...pairs.flatMap(([old, column]) => findInColumn(old, column, tell)),
    ...changed.map(([old, column]) =>
      tell(
        'changing-column-type',
        `changes the type of ${name}.${old.name} from ${old.type} to ${column?.type}${rewriting}`,
      ),
    ),
    ...came
      .filter(column => isRequired(column))
      .map(column =>
        tell('adding-required-field', `adds the column ${name}.${column.name} as NOT NULL without a default`),
      ),
    ...(rewritten && came.length > 0
      ? [
          tell(
            'adding-field-with-default',
            `adds the ${came.length === 1 ? 'column' : 'columns'} ${came.map(column => `${name}.${column.name}`).join(', ')}${rewriting}`,
          ),
        ]
      : []),
    ...(rewritten && came.length === 0 && changed.length === 0 ? [tell('rewriting-table', `rewrites ${name}`)] : []),
    ...now.constraints
      .filter(one => !was.constraints.some(old => old.name === one.name && old.definition === one.definition))
      .flatMap(one => findInConstraint(step, was, one, tell)),
  ]
}

const isRequired = ({ required, expression, identity }: Column): boolean =>
  required && expression === null && identity === ''

const findInColumn = (old: Column, now: Column | undefined, tell: Tell): readonly Finding[] => {
  const name = `${old.table}.${old.name}`
  if (now === undefined) return [tell('ban-drop-column', `drops the column ${name}`)]
  return [
    ...(old.name === now.name ? [] : [tell('renaming-column', `renames the column ${name} to ${now.name}`)]),
    ...(!old.required && now.required ? [tell('adding-not-nullable-field', `makes ${name} NOT NULL`)] : []),
    ...(old.required && !now.required ? [tell('ban-drop-not-null', `removes NOT NULL from ${name}`)] : []),
  ]
}

const findInConstraint = (step: ServerStep, was: Table, one: Constraint, tell: Tell): readonly Finding[] => {
  const isValidated = !/ NOT VALID$/.test(one.definition)
  // VALIDATE CONSTRAINT lets others write
  const wasNotValid = was.constraints.some(
    old => old.name === one.name && old.definition === `${one.definition} NOT VALID`,
  )
  const wasRenamed = was.constraints.some(old => old.definition === one.definition)
  if (!isValidated || wasNotValid || wasRenamed) return []
  if (one.kind === 'f') return [tell('adding-foreign-key-constraint', `adds to ${one.table}: ${one.definition}`)]
  if (one.kind === 'c') return [tell('constraint-missing-not-valid', `adds to ${one.table}: ${one.definition}`)]
  const became = indexesOn(step.before, was).length > indexesOn(step.after, was).length
  return became ? [] : [tell('disallowed-unique-constraint', `adds to ${one.table}: ${one.definition}`)]
}

const indexesOn = ({ others }: ServerSchema, { name }: Table) =>
  others.filter(({ type, table }) => type === 'index' && table === name)

const findIndexes = (step: ServerStep, old: readonly Table[], tell: Tell): readonly Finding[] =>
  old.flatMap(was => {
    const now = step.after.tables.find(({ oid }) => oid === was.oid)
    if (now === undefined || now.name !== was.name) return []
    const [before, after] = [indexesOn(step.before, was), indexesOn(step.after, now)]
    const isNew = (name: string) => !before.some(index => index.name === name)
    const came = after.filter(({ name }) => isNew(name))
    const gone = before.filter(({ name }) => !after.some(index => index.name === name))
    const became = now.constraints.length > was.constraints.length
    // one that was renamed is there under another name
    const renamed = Math.min(came.length, gone.length)
    return [
      ...came
        .slice(renamed)
        .map(({ name }) => tell('require-concurrent-index-creation', `builds the index ${name} on ${was.name}`)),
      ...(became ? [] : gone.slice(renamed)).map(({ name }) =>
        tell('require-concurrent-index-deletion', `drops the index ${name} on ${was.name}`),
      ),
    ]
  })

/** Of the columns that the migration leaves and that were not there. */
const findNewColumns = (recording: ServerRecording, steps: readonly ServerStep[]): readonly Finding[] =>
  schemaAfter(recording).tables.flatMap(table => {
    const old = recording.before.tables.find(({ oid }) => oid === table.oid)
    const key = table.constraints.find(({ kind }) => kind === 'p')?.columns ?? []
    return table.columns
      .filter(({ number }) => old?.columns.some(column => column.number === number) !== true)
      .flatMap(column => {
        const { name, number, type } = column
        const step = steps.find(({ after }) =>
          after.tables.some(({ oid, columns }) => oid === table.oid && columns.some(one => one.number === number)),
        )
        const tell = (code: Code, message: string) => finding(code, `makes ${table.name}.${name} ${message}`, step)
        return [
          ...(type === 'integer' && key.includes(name) ? [tell('prefer-bigint-over-int', 'an integer key')] : []),
          ...(type === 'smallint' && key.includes(name) ? [tell('prefer-bigint-over-smallint', 'a smallint key')] : []),
          ...(isSerial(column) ? [tell('prefer-identity', 'a serial column')] : []),
          ...(/^timestamp.* without time zone$/.test(type) ? [tell('prefer-timestamptz', type)] : []),
          ...(/^character varying\(/.test(type) ? [tell('prefer-text-field', type)] : []),
          ...(/^character\(/.test(type) ? [tell('ban-char-field', type)] : []),
        ]
      })
  })
