/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const resultCodes: ReadonlyMap<string, number> = new Map(
  [
    ['ERROR', 'INTERNAL', 'PERM', 'ABORT', 'BUSY', 'LOCKED', 'NOMEM', 'READONLY', 'INTERRUPT', 'IOERR'],
    ['CORRUPT', 'NOTFOUND', 'FULL', 'CANTOPEN', 'PROTOCOL', 'EMPTY', 'SCHEMA', 'TOOBIG', 'CONSTRAINT', 'MISMATCH'],
    ['MISUSE', 'NOLFS', 'AUTH', 'FORMAT', 'RANGE', 'NOTADB', 'NOTICE', 'WARNING'],
  ]
    .flat()
    .map((name, index) => [`SQLITE_${name}`, index + 1]),
)

/**
 * An error as the `sqlite3` package words it: `SQLITE_BUSY: database is locked`, with the primary `code` and its `errno`.
 * Sequelize tries a statement again by that sentence, and makes UniqueConstraintError and its like by that code.
 * `cause` is what SQLite itself said.
 */
export const sqlite3Error = (code: string, sentence: string, cause?: unknown): Error =>
  Object.assign(new Error(`${code}: ${sentence}`, { cause }), { code, errno: resultCodes.get(code) })

/** What better-sqlite3 threw, as sqlite3Error has it; any other error as it came. */
export const toSqlite3Error = (error: unknown): Error => {
  if (!(error instanceof Error)) return new Error(String(error))
  const primary = 'code' in error ? /^SQLITE_[A-Z]+/.exec(String(error.code))?.[0] : undefined
  // one that has been through here has an errno
  return primary === undefined || 'errno' in error ? error : sqlite3Error(primary, error.message, error)
}
