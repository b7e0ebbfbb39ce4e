import Database from 'better-sqlite3'
import { compareSchemas } from '../../src/sqlite/schema/compare.ts'
import { readSchema } from '../../src/sqlite/schema/read.ts'

const structureOf = (sql: string) => {
  const connection = new Database(':memory:')
  try {
    connection.exec(sql)
    return readSchema(connection)
  } finally {
    connection.close()
  }
}

/** Compares what two texts of SQL make: a line for each finding, `difference column a.x affinity: TEXT (TEXT) -> REAL (REAL)`. */
export const compareSql = (expected: string, found: string, adopted = false): readonly string[] =>
  compareSchemas(structureOf(expected), structureOf(found), { adopted }).map(
    ({ weight, object, what, ...finding }) =>
      `${weight} ${object} ${what}: ${finding.expected ?? 'nothing'} -> ${finding.found ?? 'nothing'}`,
  )
