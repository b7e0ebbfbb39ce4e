/** The `code` of an error of Node or SQLite (`ENOENT`, `SQLITE_BUSY`); undefined for anything without one. */
export const errorCode = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined
