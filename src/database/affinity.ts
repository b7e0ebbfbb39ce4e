export type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC'

/**
 * What SQLite makes of a declared type; the name itself means nothing to it, save `INTEGER PRIMARY KEY` and in STRICT tables.
 * Its five rules, in its order: https://www.sqlite.org/datatype3.html#determination_of_column_affinity
 */
export const affinityOf = (type: string): Affinity => {
  if (/INT/i.test(type)) return 'INTEGER'
  if (/CHAR|CLOB|TEXT/i.test(type)) return 'TEXT'
  if (type === '' || /BLOB/i.test(type)) return 'BLOB'
  return /REAL|FLOA|DOUB/i.test(type) ? 'REAL' : 'NUMERIC'
}
