import type { Connection } from '../database/open.ts'
import { readStructure, type Structure } from '../database/structure.ts'
import { historyTable } from './history.ts'

/** What the migrations made, without the history, which is this program's own or has been begun by another tool. */
export const readHubStructure = (connection: Connection): Structure => {
  const { tables, views, triggers } = readStructure(connection)
  return {
    tables: tables.filter(({ name }) => name !== historyTable),
    views,
    triggers: triggers.filter(({ table }) => table !== historyTable),
  }
}
