import { makeLastingBackup } from '../backup/protect.ts'
import { type Context, patienceOf } from '../context.ts'
import { readHistory } from '../migrations/history.ts'
import { requireDatabase } from '../ready/lost.ts'
import { openDatabase, whenFree } from '../sqlite/connect.ts'
import { requireVolume } from '../volume/volume.ts'

/**
 * Makes a backup now and prints its path. A hub may write meanwhile, and does not wait in WAL mode: the copy is of one state.
 * @throws Failure DATABASE_DAMAGED, DISK_FULL, DATABASE_BUSY, and what checkVolume throws
 */
export const backup = async (context: Context): Promise<void> => {
  const { config, host, print } = context
  requireVolume(config, host)
  requireDatabase(config)
  const connection = openDatabase(config.database)
  try {
    // its first read begins a transaction, in which the copy is made
    connection.exec('BEGIN')
    const history = await whenFree(() => readHistory(connection), patienceOf(context))
    print(`${await makeLastingBackup(context, history.at(-1)?.name ?? '')}\n`)
  } finally {
    connection.close()
  }
}
