import { makeLastingBackup } from '../backup/protect.ts'
import type { Context } from '../context.ts'
import { headOf } from '../migrations/plan.ts'
import { requireDatabase } from '../ready/lost.ts'
import { createSqlite } from '../sqlite/sqlite.ts'

/**
 * Makes a backup now and prints its path. The copy is one consistent state; a hub may write meanwhile, in WAL mode without waiting.
 * @throws Failure DATABASE_DAMAGED, DISK_FULL, DATABASE_BUSY, and what requireVolume throws
 */
export const backup = async (context: Context): Promise<void> => {
  const { config, print } = context
  const engine = createSqlite(context)
  await engine.validate('write')
  await requireDatabase(engine, config)
  const session = await engine.open()
  try {
    const file = await session.snapshot(async () =>
      makeLastingBackup(context, engine.file, headOf(await session.history())),
    )
    print(`${file}\n`)
  } finally {
    await session.close()
  }
}
