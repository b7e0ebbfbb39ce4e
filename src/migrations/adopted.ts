import type { AppliedMigration } from './history.ts'

const mark = ', adopted from '

/**
 * What the history says in `migrator` of a migration that was not applied here but found to be there already.
 * @param version of this program
 * @param tool that made the database
 */
export const adoptedBy = (version: string, tool: string): string => `${version}${mark}${tool}`

/**
 * Whether another tool made the database or some of it: it was adopted, or sequelize-cli applied our own migrations, of which
 * it records the name alone.
 */
export const wasAdopted = (applied: readonly AppliedMigration[]): boolean =>
  applied.some(({ migrator }) => migrator === null || migrator.includes(mark))
