import type { Changes, Ledger, Loss, Missing, TableChange } from '../engine.ts'
import { formatThings, shortened } from '../text.ts'

/**
 * Guards the rows of a database while migrations run. Each migration is judged by what its statements did; at the end
 * every row from before the run is looked up, which finds losses that no statement showed.
 */
export const createGuard = (ledger: Ledger) => {
  /** tables with deleted rows but no fewer in total: the final lookup tells whether the rows are back */
  const doubts = new Map<number, string>()
  /** rows that are known to be gone, by table id */
  const known = new Map<number, number>()

  /** Runs a migration and returns its losses. @param removesRows tables that it may delete rows from */
  const run = async (
    name: string,
    removesRows: readonly string[],
    work: () => Promise<unknown>,
  ): Promise<readonly Loss[]> => {
    await ledger.begin(removesRows)
    await work()
    const changes = await ledger.end()
    for (const table of changes.tables) {
      if (isDoubt(table)) doubts.set(table.id, `migration ${name}${byText(table)}`)
      if (table.left < table.rows) known.set(table.id, (known.get(table.id) ?? 0) + table.rows - table.left)
    }
    return [...changes.tables.flatMap(lossOf), ...brokenIn(changes)]
  }

  /** Returns losses that no migration was seen to cause. Call it once, after all have run. */
  const finish = async (): Promise<readonly Loss[]> => {
    const missing = await ledger.missing()
    await ledger.finish()
    return missing
      .filter(({ id, rows }) => rows > (known.get(id) ?? 0))
      .map(gone => ({
        table: gone.name,
        rows: gone.rows,
        announced: false,
        text: missingText(gone, doubts.get(gone.id)),
      }))
  }

  return { run, finish }
}

const isDoubt = ({ rows, left, deleted, announced }: TableChange): boolean => !announced && deleted > 0 && left >= rows

const lossOf = (change: TableChange): readonly Loss[] => {
  const { name, rows, left, deleted, announced } = change
  if (left >= rows) return []
  const text = `${name} had ${formatThings(rows, 'row')} and has ${left} after it${byText(change)}`
  return [{ table: name, rows: Math.max(rows - left, Math.min(deleted, rows)), announced, text }]
}

const byText = ({ by }: TableChange): string => (by === null ? '' : ` (${shortened(by)})`)

const brokenIn = ({ orphans, unchecked, unreadable }: Changes): readonly Loss[] =>
  [
    ...orphans.map(({ table, parent, rows }) => ({
      rows,
      text: `${formatThings(rows, 'row')} break${rows === 1 ? 's' : ''} the foreign key ${table} -> ${parent}`,
    })),
    ...unchecked.map(({ table, reason }) => ({
      rows: 1,
      text: `the foreign key ${table} cannot be checked (${reason})`,
    })),
    ...unreadable.map(({ name, reason }) => ({ rows: 0, text: `the view ${name} can no longer be read: ${reason}` })),
  ].map(loss => ({ ...loss, table: null, announced: false }))

const missingText = ({ name, rows, example }: Missing, by: string | undefined): string => {
  const which = example === null ? '' : `, the first with ${example}`
  return `${formatThings(rows, 'row')} of ${name} ${rows === 1 ? 'is' : 'are'} gone${which}${by === undefined ? '' : `: ${by}`}`
}
