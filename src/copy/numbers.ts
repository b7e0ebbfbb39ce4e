/** The numbers that a file and a server give to new rows: those of deleted rows are given to no other. */
import type { Numbering } from '../postgres/numbering.ts'
import type { Connection } from '../sqlite/connect.ts'
import { quote } from '../sqlite/sql.ts'
import type { PairedTable } from './pair.ts'
import type { Refused } from './sieve.ts'

type Sequence = Readonly<{ kind: string; seq: bigint | number | string | null }>

/** What a file remembers of a table with AUTOINCREMENT; undefined if it numbered no row of it. */
const sequenceOf = (file: Connection, { name, numbered }: PairedTable): Sequence | undefined =>
  numbered
    ? file
        .prepare<[string], Sequence>(
          'SELECT typeof(seq) AS kind, seq FROM sqlite_sequence WHERE name = ? COLLATE NOCASE ORDER BY seq DESC LIMIT 1',
        )
        .safeIntegers()
        .get(name)
    : undefined

const mostOf = (file: Connection, table: PairedTable, column: string): unknown =>
  file
    .prepare(`SELECT max(${quote(column)}) FROM ${quote(table.name)}`)
    .pluck()
    .safeIntegers()
    .get()

/** The greatest of some numbers; undefined if none is from 1 on, where numbering begins. */
const greatest = (numbers: readonly unknown[]): bigint | undefined => {
  const given = numbers.filter(number => typeof number === 'bigint').filter(number => number > 0n)
  return given.toSorted((a, b) => (a < b ? -1 : 1)).at(-1)
}

/** The last number that a file gave to a column; undefined if it gave none. */
export const lastInFile = (file: Connection, table: PairedTable, column: string): bigint | undefined =>
  greatest([mostOf(file, table, column), sequenceOf(file, table)?.seq])

/** Lets a file number the rows of a table after this one. */
export const setLastInFile = (file: Connection, { name }: PairedTable, last: bigint | undefined): void => {
  file.prepare('DELETE FROM sqlite_sequence WHERE name = ?').run(name)
  if (last !== undefined) file.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(name, last)
}

/** What a file remembers and a server's sequences cannot. */
export const refusedNumbers = (
  file: Connection,
  tables: readonly PairedTable[],
  numberings: readonly Numbering[],
): readonly Refused[] =>
  tables.flatMap(table => {
    const found = sequenceOf(file, table)
    const most = numberings.find(numbering => numbering.table === table.name)?.most
    if (found === undefined || found.kind === 'null') return []
    const isHeld = typeof found.seq === 'bigint' && (most === undefined || found.seq <= most)
    if (isHeld) return []
    const reason = `${found.seq} is not a number that the server's sequence holds`
    return { table: 'sqlite_sequence', row: `name ${table.name}`, column: 'seq', reason }
  })

/**
 * How the numbering of a table differs; undefined if it does not. Without AUTOINCREMENT a file numbers after the greatest number, as
 * do both where rows came with numbers of their own.
 */
export const differenceOfNumbers = (
  file: Connection,
  table: PairedTable,
  { column, last }: Numbering,
): string | undefined => {
  const inFile = lastInFile(file, table, column)
  const onServer = greatest([last, mostOf(file, table, column)])
  const isSame = table.numbered ? inFile === onServer : greatest([inFile, onServer]) === onServer
  return isSame
    ? undefined
    : `${table.name}: the last number of ${column} is ${inFile ?? 'none'} in the file, ${last ?? 'none'} on the server`
}
