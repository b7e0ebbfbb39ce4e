import type { SqlStatement } from '../../engine.ts'
import { attempt } from '../../failure.ts'
import type { Connection } from '../connect.ts'

/** Tables that a statement reads and writes rows of; temporary ones are called `temp.NAME`. */
export type TableAccess = Readonly<{
  reads: readonly string[]
  writes: readonly string[]
  /** it reads virtual tables, and writes some: which ones its program does not tell */
  readsVirtual: boolean
  writesVirtual: boolean
}>

type Instruction = { opcode: string; p2: number; p3: number; p5: number }

/** In p5 of OpenWrite: p2 is not the page where the table begins, but a place where it will be. */
const isRegister = 0x10

/**
 * What a statement does with the rows of tables, out of the program that SQLite makes of it; nothing is run. Deletes touch
 * nothing here: they move no rows. https://www.sqlite.org/opcode.html
 */
export const tableAccess = (connection: Connection, { sql, bound }: SqlStatement): TableAccess => {
  const program = attempt(() => connection.prepare<unknown[] | object, Instruction>(`EXPLAIN ${sql}`).all(bound))
  const instructions = 'value' in program ? program.value : []
  const tablesOf = (wanted: string): readonly string[] => [
    ...new Set(
      instructions
        .filter(({ opcode, p5 }) => opcode === wanted && (p5 & isRegister) === 0)
        .flatMap(({ p2, p3 }) => tableAt(connection, p2, p3)),
    ),
  ]
  const has = (wanted: string): boolean => instructions.some(({ opcode }) => opcode === wanted)
  return {
    reads: tablesOf('OpenRead'),
    writes: tablesOf('OpenWrite'),
    readsVirtual: has('VFilter'),
    writesVirtual: has('VUpdate'),
  }
}

/** The table that begins on a page, or whose index does; AUTOINCREMENT's counters are no rows that move. */
const tableAt = (connection: Connection, page: number, file: number): readonly string[] => {
  const find =
    file === 0
      ? "SELECT tbl_name FROM main.sqlite_schema WHERE rootpage = ? AND tbl_name <> 'sqlite_sequence'"
      : "SELECT 'temp.' || tbl_name FROM sqlite_temp_schema WHERE rootpage = ?"
  return connection.prepare<[number], string>(find).pluck().all(page)
}
