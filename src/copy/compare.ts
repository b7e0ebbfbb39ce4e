import { hash } from 'node:crypto'
import { must } from '../failure.ts'
import type { Connection as Server } from '../postgres/connect.ts'
import { copyLines, copyOut } from '../postgres/copy-rows.ts'
import { readNumbering } from '../postgres/numbering.ts'
import { inSchema, quote } from '../postgres/sql.ts'
import type { Connection as File } from '../sqlite/connect.ts'
import { areSame, type Binary } from './binary.ts'
import { nullField, unescapeField, type Value } from './kinds.ts'
import { differenceOfNumbers } from './numbers.ts'
import { isOrdered, type PairedColumn, type PairedTable } from './pair.ts'
import { type Meter, refuseDifferences } from './report.ts'
import { rowsOf, sortsByBytes } from './sieve.ts'

type Row = readonly (Value | null)[]

/** A table, its rows, and whether whole numbers of the file have to be read as bigints. */
export type Compared = Readonly<{ table: PairedTable; rows: number; isWide: boolean }>

/**
 * Compares tables and what they are numbered by.
 * @param sides the server is in a transaction of writeExactly
 * @throws Failure DATABASES_DIFFER naming the first difference of each table
 */
export const compareAll = async (
  sides: Pick<Sides, 'file' | 'server' | 'signal'>,
  compared: readonly Compared[],
  meter: Meter,
  hint = 'This is a bug in the migrator. Everything was rolled back.',
): Promise<void> => {
  const { file, server } = sides
  const numberings = await readNumbering(server)
  const differences: (string | undefined)[] = []
  for (const { table, rows, isWide } of compared) {
    const onRows = meter(`comparing ${table.name}`, rows)
    differences.push(await compareTable({ ...sides, isWide, onRows }, table))
    const numbering = numberings.find(numbering => numbering.table === table.name)
    if (numbering !== undefined) differences.push(differenceOfNumbers(file, table, numbering))
  }
  refuseDifferences(
    differences.filter(difference => difference !== undefined),
    hint,
  )
}

/** What is read of the two databases. */
type Sides = Readonly<{
  file: File
  /** whole numbers of the file have to be read as bigints */
  isWide: boolean
  server: Server
  signal: AbortSignal
  /** called after each batch with the rows that were compared */
  onRows: (rows: number) => void
}>

/**
 * Compares a table of both databases value by value, each read anew. Rows are held against each other in the order of their key; where
 * the two engines sort otherwise, or there is no key, the rows of a table are taken as a set, whose members are not named.
 * @returns the first difference, as a sentence; undefined if there is none
 */
const compareTable = async (sides: Sides, table: PairedTable): Promise<string | undefined> => {
  if (!isOrdered(table) || !sortsByBytes(sides.file, table)) return compareAsSets(sides, table)
  const binaries = binariesOf(table)
  const isSame = binaries !== undefined && (await compareInBinary(sides, table, binaries))
  // which value it is, texts tell
  return isSame ? undefined : compareInOrder(sides, table)
}

/** How the columns of a table go in binary; undefined if one of them goes as texts alone. */
export const binariesOf = ({ columns }: PairedTable): readonly Binary[] | undefined => {
  const binaries = columns.flatMap(({ kind }) => kind.binary ?? [])
  return binaries.length === columns.length ? binaries : undefined
}

const compareInBinary = async (
  { file, isWide, server, signal, onRows }: Sides,
  table: PairedTable,
  binaries: readonly Binary[],
): Promise<boolean> => {
  const rows = rowsOf(file, table, isWide)
  const isSame = await areSame(copyOut(server, selectOf(server, table, true), 'binary'), rows, binaries, count => {
    signal.throwIfAborted()
    onRows(count)
  })
  rows.return?.()
  return isSame
}

/** The query that reads a table of a server in the order of its key, as a file sorts it. */
export const selectOf = ({ address }: Server, { name, columns, key }: PairedTable, ordered: boolean): string => {
  const order = key.map(({ name, kind }) => `${quote(name)}${kind.sieve === 'text' ? ' COLLATE "C"' : ''}`).join(', ')
  const names = columns.map(column => quote(column.name)).join(', ')
  return `SELECT ${names} FROM ${inSchema(address.schema, name)}${ordered && order !== '' ? ` ORDER BY ${order}` : ''}`
}

const compareInOrder = async (sides: Sides, table: PairedTable): Promise<string | undefined> => {
  const { file, isWide, server, signal, onRows } = sides
  const { columns } = table
  const rows = rowsOf(file, table, isWide)
  let differs: string | undefined
  // what is left of the server's rows has to be read in any case: it answers nothing else before
  for await (const lines of copyLines(server, selectOf(server, table, true))) {
    signal.throwIfAborted()
    onRows(lines.length)
    for (const line of differs === undefined ? lines : []) {
      const { done, value: row } = rows.next()
      const fields = line.split('\t')
      if (done) differs = `${table.name}: the server has more rows, the first ${shownRow(table, fields)}`
      else {
        for (let index = 0; index < columns.length; index += 1)
          if (!isSame(columns[index] as PairedColumn, row[index] as Value | null, fields[index] as string)) {
            differs = describe(table, row, fields, index)
            break
          }
      }
      if (differs !== undefined) break
    }
  }
  const rest = differs === undefined ? rows.next() : undefined
  rows.return?.()
  if (rest?.done === false) return `${table.name}: the file has more rows, the first ${shownRow(table, rest.value)}`
  return differs
}

const isSame = ({ kind }: PairedColumn, value: Value | null, field: string): boolean =>
  value === null || field === nullField
    ? value === null && field === nullField
    : kind.isSame(value, kind.plain ? field : unescapeField(field))

const describe = (table: PairedTable, row: Row, fields: readonly string[], index: number): string => {
  const isOfKey = table.key.includes(table.columns[index] as PairedColumn)
  if (isOfKey)
    return `${table.name}: the file has ${shownRow(table, row)} where the server has ${shownRow(table, fields)}`
  const [inFile, onServer] = [row[index] ?? 'NULL', fields[index] === nullField ? 'NULL' : fields[index]]
  const name = table.columns[index]?.name
  return `${table.name}, ${shownRow(table, row)}, column ${name}: ${short(inFile)} in the file, ${short(onServer)} on the server`
}

const short = (value: unknown): string => {
  const text = String(value)
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** The key of a row, of a table that has one. */
const shownRow = ({ columns, key }: PairedTable, row: Row): string =>
  key.map(column => `${column.name} ${short(row[columns.indexOf(column)])}`).join(', ')

/** The sum of all rows' digests does not depend on their order, and tells how often each is there. */
type Sum = { rows: number; digests: bigint }

const add = (sum: Sum, texts: readonly string[]): void => {
  const digest = hash('sha256', JSON.stringify(texts), 'buffer')
  sum.rows += 1
  sum.digests = BigInt.asUintN(128, sum.digests + (digest.readBigUInt64BE(0) << 64n) + digest.readBigUInt64BE(8))
}

const canonical = ({ kind }: PairedColumn, value: Value | null): string =>
  value === null ? nullField : escapeNull((kind.canonical ?? kind.toField)(value))

/** A text may look like NULL. */
const escapeNull = (text: string): string => (text.startsWith('\\') ? `\\${text}` : text)

const compareAsSets = async (sides: Sides, table: PairedTable): Promise<string | undefined> => {
  const { file, isWide, server, signal, onRows } = sides
  const { columns, name } = table
  const [inFile, onServer]: readonly [Sum, Sum] = [
    { rows: 0, digests: 0n },
    { rows: 0, digests: 0n },
  ]
  for (const row of rowsOf(file, { ...table, key: [] }, isWide)) {
    add(
      inFile,
      columns.map((column, index) => canonical(column, row[index] ?? null)),
    )
  }
  for await (const lines of copyLines(server, selectOf(server, table, false))) {
    signal.throwIfAborted()
    onRows(lines.length)
    for (const line of lines) {
      const row = fileRowOf(table, line)
      add(
        onServer,
        columns.map((column, index) => canonical(column, row[index] ?? null)),
      )
    }
  }
  if (inFile.rows !== onServer.rows) return `${name}: the file has ${inFile.rows} rows, the server ${onServer.rows}`
  return inFile.digests === onServer.digests ? undefined : `${name}: the rows are not the same`
}

/** A line of COPY as a row of a file. */
export const fileRowOf = ({ columns }: PairedTable, line: string): Row => {
  const fields = line.split('\t')
  return columns.map(({ kind }, index) => {
    const field = must(fields[index])
    return field === nullField ? null : kind.fromField(unescapeField(field))
  })
}
