import type { SqlStatement } from '../../engine.ts'
import { attempt } from '../../failure.ts'
import { toArguments } from '../bridge/values.ts'
import type { Connection } from '../connect.ts'

/** The tables whose rows a statement reads and writes; temporary ones are called `temp.NAME`. */
export type TableAccess = Readonly<{
  /** false if the statement does not compile, which tells nothing */
  isKnown: boolean
  reads: readonly string[]
  writes: readonly string[]
  /** tables that it, or a trigger of it, empties at once */
  clears: readonly string[]
  /** whether it reads or writes virtual tables; its program does not tell which */
  readsVirtual: boolean
  writesVirtual: boolean
  /** whether it, or a trigger of it, deletes rows of virtual tables */
  deletesVirtual: boolean
}>

type Instruction = { opcode: string; p1: number; p2: number; p3: number; p5: number }

/** A flag in p5 of OpenWrite: p2 is a register that will hold the root page, not the page itself. */
const isRegister = 0x10

/**
 * The tables whose rows a statement reads and writes, from its EXPLAIN program, without running it; empty if it does not compile.
 * Deletes do not matter here: they move no rows. https://www.sqlite.org/opcode.html
 */
export const tableAccess = (connection: Connection, asked: SqlStatement): TableAccess => {
  const explain = () =>
    connection.prepare<(readonly unknown[] | object)[], Instruction>(`EXPLAIN ${asked.sql}`).all(...toArguments(asked))
  const program = attempt(explain)
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
    isKnown: 'value' in program,
    reads: tablesOf('OpenRead'),
    writes: tablesOf('OpenWrite'),
    clears: instructions
      .filter(({ opcode }) => opcode === 'Clear')
      .flatMap(({ p1, p2 }) => tableAt(connection, p1, p2)),
    readsVirtual: has('VFilter'),
    writesVirtual: has('VUpdate'),
    // xUpdate with one argument: https://www.sqlite.org/vtab.html#xupdate
    deletesVirtual: instructions.some(({ opcode, p2 }) => opcode === 'VUpdate' && p2 === 1),
  }
}

/** The table that has, or whose index has, this root page; without sqlite_sequence, whose counters are no rows that move. */
const tableAt = (connection: Connection, page: number, file: number): readonly string[] => {
  const find =
    file === 0
      ? "SELECT tbl_name FROM main.sqlite_schema WHERE rootpage = ? AND tbl_name <> 'sqlite_sequence'"
      : "SELECT 'temp.' || tbl_name FROM sqlite_temp_schema WHERE rootpage = ?"
  return connection.prepare<[number], string>(find).pluck().all(page)
}
