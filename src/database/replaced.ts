import { basename } from 'node:path'

/** How the file names begin that a restore gives to what it replaced, beside the database: `homelab.db.replaced-<UTC>`. */
export const replacedPrefix = (database: string): string => `${basename(database)}.replaced-`
