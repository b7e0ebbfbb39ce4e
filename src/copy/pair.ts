import type { SchemaObject } from '../engine.ts'
import { Failure, must } from '../failure.ts'
import type { Column as ServerColumn, ServerSchema } from '../postgres/schema.ts'
import type { Affinity, Column as FileColumn, Schema } from '../sqlite/schema/read.ts'
import { sameName } from '../sqlite/sql.ts'
import { listed } from '../text.ts'
import { type Kind, kindOf } from './kinds.ts'

/** A column that is copied: generated ones are not. */
export type PairedColumn = Readonly<{
  name: string
  type: string
  kind: Kind
  /** of the file's column */
  affinity: Affinity
  /** the server takes no NULL */
  required: boolean
  /** the file takes no NULL */
  requiredInFile: boolean
}>

/** A table that both databases have. */
export type PairedTable = Readonly<{
  /** the server's; a file takes any case */
  name: string
  columns: readonly PairedColumn[]
  /** of the server's primary key; empty without one */
  key: readonly PairedColumn[]
  /** the file numbers its rows, and never gives a number twice */
  numbered: boolean
}>

type FileTable = Schema['tables'][number]
type ServerTable = ServerSchema['tables'][number]

/**
 * Finds each table of the server in the file, column by column.
 * @throws Failure SCHEMA_DRIFT naming the tables and columns that only one of them has, and types that copies do not know
 */
export const pairTables = (
  inFile: readonly FileTable[],
  onServer: readonly ServerTable[],
  { others }: ServerSchema,
): readonly PairedTable[] => {
  const paired = onServer.map(server => {
    const file = inFile.find(({ name }) => sameName(name, server.name))
    return file === undefined
      ? { tables: [], problems: [`the file has no ${server.name}`] }
      : pairTable(file, server, others)
  })
  const wrong = paired.flatMap(({ problems }) => problems)
  if (wrong.length > 0) {
    const hint = 'Both must have the schema that the migrations make: `migrator verify` shows how a database differs.'
    throw new Failure('SCHEMA_DRIFT', `the two schemas do not match: ${listed(wrong, '; ')}`, hint)
  }
  return paired.flatMap(({ tables }) => tables)
}

type Paired = Readonly<{ tables: readonly PairedTable[]; problems: readonly string[] }>

const pairTable = (file: FileTable, server: ServerTable, others: readonly SchemaObject[]): Paired => {
  const isStored = ({ generated }: FileColumn | ServerColumn): boolean => generated === null || generated === ''
  const problems: string[] = []
  const columns = server.columns.filter(isStored).flatMap(column => {
    const own = file.columns.find(({ name }) => sameName(name, column.name))
    const place = `${server.name}.${column.name}`
    if (own === undefined || !isStored(own)) {
      problems.push(`the file has no ${place}`)
      return []
    }
    const kind = kindOf(column.type, labelsOf(column.type, others))
    if (kind === undefined) {
      problems.push(`${place} has the type ${column.type}, which is not copied`)
      return []
    }
    const { name, type, required } = column
    return { ...{ name, type, kind, affinity: own.affinity, required }, requiredInFile: own.notNull }
  })
  for (const { name } of file.columns.filter(isStored))
    if (!server.columns.filter(isStored).some(column => sameName(column.name, name)))
      problems.push(`the server has no ${server.name}.${name}`)
  const key = keyOf(server).flatMap(name => columns.filter(column => column.name === name))
  return { tables: [{ name: server.name, columns, key, numbered: file.autoincrement }], problems }
}

const keyOf = ({ constraints }: ServerTable): readonly string[] =>
  constraints.find(({ kind }) => kind === 'p')?.columns ?? []

/** The labels of an ENUM, from the statement that would make it. */
const labelsOf = (type: string, others: readonly SchemaObject[]): readonly string[] | undefined => {
  const name = type.replace(/^"(.*)"$/, '$1').replaceAll('""', '"')
  const made = others.find(other => other.type === 'type' && other.name === name)?.sql.replace(/^.*? AS ENUM /s, '')
  return made === undefined
    ? undefined
    : [...made.matchAll(/'((?:[^']|'')*)'/g)].map(([, label = '']) => label.replaceAll("''", "'"))
}

/** Whether both engines put the rows of a table in the same order, so that they can be compared one by one. */
export const isOrdered = ({ key }: PairedTable): boolean => key.length > 0 && key.every(({ kind }) => kind.sorts)

/** Those that others refer to come first: a partitioned table keeps its foreign keys while rows are written. */
export const parentsFirst = <T extends Readonly<{ table: PairedTable }>>(
  tables: readonly T[],
  { tables: onServer }: ServerSchema,
): readonly T[] => {
  const begun = new Set<T>()
  const withParents = (own: T): readonly T[] => {
    if (begun.has(own)) return []
    begun.add(own)
    const { constraints } = must(onServer.find(({ name }) => name === own.table.name))
    const parents = tables.filter(({ table }) => constraints.some(({ parent }) => parent === table.name))
    return [...parents.flatMap(withParents), own]
  }
  return tables.flatMap(withParents)
}

/** Tables of a database in two lists: those that migrations made, and those of other tools. */
export const sortTables = <T extends Readonly<{ name: string }>>(
  tables: readonly T[],
  made: readonly Readonly<{ name: string }>[],
): Readonly<{ own: readonly T[]; others: readonly T[] }> => {
  const isOwn = ({ name }: T): boolean => made.some(other => sameName(other.name, name))
  return { own: tables.filter(isOwn), others: tables.filter(table => !isOwn(table)) }
}

/** @throws Failure CONFIG_INVALID for a name of --tables that no other tool's table has */
export const chosen = <T extends Readonly<{ name: string }>>(
  others: readonly T[],
  names: readonly string[],
): Readonly<{ taken: readonly T[]; left: readonly T[] }> => {
  const isMeant = ({ name }: T): boolean => names.some(other => sameName(other, name))
  const unknown = names.find(name => !others.some(other => sameName(other.name, name)))
  if (unknown !== undefined) {
    const there = others.length === 0 ? 'there is none' : `there are ${others.map(({ name }) => name).join(', ')}`
    const hint = 'Tables that the migrations make are always copied: do not name them.'
    throw new Failure('CONFIG_INVALID', `--tables: ${unknown} is not a table of another tool: ${there}`, hint)
  }
  return { taken: others.filter(isMeant), left: others.filter(table => !isMeant(table)) }
}
