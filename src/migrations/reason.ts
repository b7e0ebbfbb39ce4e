/** Why a migration failed. Sequelize's own message may be a bare "Validation error"; what SQLite said is in `parent`. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return 'parent' in error ? reasonOf(error.parent) : error.message
}
