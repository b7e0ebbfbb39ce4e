import type { Loss, Migratable, StatementHook } from '../engine.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { createGuardedRunner, lostData, type RunOptions } from '../migrations/run.ts'
import type { SqliteReader } from '../sqlite/reader.ts'
import { keywordOf, sameName, tokensOf } from '../sqlite/sql.ts'
import { formatThings } from '../text.ts'
import { type Difference, differences } from './changes.ts'
import type { Lineage } from './lineage.ts'
import { countValues, type Lost, lostValues, watchDropped } from './losses.ts'
import { afterOf, createRecorder, type Recording, withoutUndone } from './record.ts'

/** What reverting one migration did. */
export type Reverted = Readonly<{ name: string; structure: readonly Difference[]; lost: readonly Lost[] }>

/**
 * Reverts applied migrations by their `down`, in the order of `names`, and deletes their history records. Call it inside a
 * transaction that rolls back when this throws.
 * @param onReverted gets what each migration did, and throws to refuse it; a broken foreign key is always refused. Called for the
 *   last one only after all rows were compared with those before, with the further losses found
 * @throws Failure MIGRATION_FAILED naming the migration; the signal's reason if that is a Failure; what `onReverted` throws
 */
export const revertMigrations = async (
  database: Migratable & SqliteReader,
  migrations: readonly LoadedMigration[],
  names: readonly string[],
  options: RunOptions,
  onReverted: (reverted: Reverted) => void,
): Promise<void> => {
  const { connection } = database
  const { around, record } = createRecorder(connection, () => false)
  const dropped = watchDropped(connection)
  let recording = record()
  let values = countValues(connection, recording.before)
  const hook: StatementHook = (asked, execute) =>
    options.hook(asked, () => {
      dropped.beforeStatement(asked.sql, recording)
      return around(asked, execute)
    })
  const measure = async (rows: readonly Lost[]): Promise<Measured> => {
    const now = countValues(connection, afterOf(recording))
    const goneFrom = ({ old }: Lineage) => rows.find(({ of }) => sameName(of, old.name))?.number ?? 0
    const fewer = lostValues(recording, values, now, goneFrom)
    const changed = dropped.changed(recording, values).filter(({ of }) => !fewer.some(other => sameName(other.of, of)))
    const lost = [...fewer, ...changed, ...changedRows(recording)]
    const structure = differences(recording.before, afterOf(recording))
    recording = record()
    values = now
    return { structure, lost }
  }
  await revertMeasured(database, migrations, names, { ...options, hook }, measure, onReverted)
}

/** What a migration's `down` did besides the rows that are gone. */
export type Measured = Omit<Reverted, 'name'>

/**
 * The same on any engine.
 * @param measure says after each migration what else it did; it gets the rows that are gone
 */
export const revertMeasured = async (
  database: Migratable,
  migrations: readonly LoadedMigration[],
  names: readonly string[],
  options: RunOptions,
  measure: (rows: readonly Lost[]) => Promise<Measured>,
  onReverted: (reverted: Reverted) => void,
): Promise<void> => {
  let last: Reverted | undefined
  const told = (reverted: Reverted | undefined): void => {
    if (last !== undefined) onReverted(last)
    last = reverted
  }
  const runner = await createGuardedRunner(database, migrations, options, {
    removesRows: () => [],
    onLosses: async ({ name }, losses) => {
      const broken = losses.filter(({ table }) => table === null)
      if (broken.length > 0) throw lostData([name], broken, 'Everything was rolled back. Fix its down.')
      const rows = losses.map(toLost)
      const { structure, lost } = await measure(rows)
      told({ name, structure, lost: [...rows, ...lost] })
    },
    onMissing: losses => {
      if (last !== undefined) last = { ...last, lost: [...losses.map(toLost), ...last.lost] }
      told(undefined)
    },
  })
  await runner.down(names)
}

const toLost = ({ table, rows, text }: Loss): Lost => ({ of: String(table), number: rows, text })

/** An upper bound of the rows the migration's statements overwrote or deleted; rows changed by triggers are not counted. */
const changedRows = ({ steps }: Recording): readonly Lost[] => {
  const number = withoutUndone(steps)
    .filter(({ sql }) => writesOver(sql))
    .reduce((sum, { rows }) => sum + rows, 0)
  return overwritten(number)
}

export const overwritten = (number: number): readonly Lost[] => {
  if (number === 0) return []
  return [{ of: 'statements', number, text: `statements wrote over or deleted up to ${formatThings(number, 'row')}` }]
}

/** An INSERT may, if it says so: https://www.sqlite.org/lang_conflict.html, https://www.sqlite.org/lang_upsert.html */
const writesOver = (sql: string): boolean => {
  const tokens = tokensOf(sql).map(({ text }) => text)
  if (ofNoUser.test(tokens.join(' '))) return false
  const words = tokens.filter(text => /^\w/.test(text))
  return (
    /^(?:UPDATE|DELETE|REPLACE|WITH)$/.test(keywordOf(sql)) || /\b(?:OR REPLACE|DO UPDATE)\b/i.test(words.join(' '))
  )
}

/** Writes a table that SQLite keeps for itself, as rebuilds do with sqlite_sequence, or a temporary one: no rows of the user. */
const ofNoUser =
  /^(?:DELETE FROM|UPDATE(?: OR \w+)?|(?:INSERT(?: OR \w+)?|REPLACE) INTO) (?:["'`[]?temp["'`\]]? \. |(?:["'`[]?main["'`\]]? \. )?["'`[]?sqlite_)/i
