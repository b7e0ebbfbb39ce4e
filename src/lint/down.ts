import { type Lineage, lineagesOf } from '../dry-run/lineage.ts'
import { afterOf, type Recording, type Step, withoutUndone } from '../dry-run/record.ts'
import { compareSchemas, type Finding as Difference } from '../sqlite/schema/compare.ts'
import { without } from '../sqlite/schema/read.ts'
import { hasName, isSameSql, quote, sameName } from '../sqlite/sql.ts'
import { findPick, mentions } from './rebuilds.ts'
import { type Finding, finding } from './rules.ts'
import { type Assignment, type Change, changeOf } from './statements.ts'

/** How many differences a finding quotes. */
const quoted = 3

/** HM401, HM402: data that `down` loses right after `up`, and schema that it does not restore. */
export const findDown = (up: Recording, down: Recording): readonly Finding[] => {
  const upLineages = lineagesOf(up)
  const lineages = lineagesOf(down)
  const lost = [
    ...lineages.flatMap(lineage => findLost(lineage, upLineages, up)),
    ...findEmptied(upLineages, up, lineages, withoutUndone(down.steps)),
  ]
  if (lost.length > 0) return lost
  const left = compareSchemas(up.before, afterOf(down), { adopted: false }).map(describe)
  if (left.length === 0) return []
  const more = left.length > quoted ? `, and ${left.length - quoted} more` : ''
  const list = left.slice(0, quoted).join(', ')
  return [finding('HM402', `does not restore the structure from before up: ${list}${more}`, undefined)]
}

/** `table c is extra`, `trigger t has another definition`. */
const describe = ({ object, what }: Difference): string =>
  /^(?:missing|extra)$/.test(what) ? `${object} is ${what}` : `${object} has a different ${what}`

/** `down` should drop what `up` made, except tables into which `up` moved rows of a table it dropped. */
const findLost = (
  { old, now, columns, by, columnBy }: Lineage,
  upLineages: readonly Lineage[],
  up: Recording,
): readonly Finding[] => {
  const origin = upLineages.find(lineage => lineage.now !== undefined && sameName(lineage.now.name, old.name))
  if (now === undefined) {
    const holdsRows = origin !== undefined || hasMovedRows(old.name, upLineages, up)
    return holdsRows ? [finding('HM401', `drops the table ${old.name}, which has rows from before up`, by)] : []
  }
  const fromBefore = [...(origin?.columns.values() ?? [])]
  return old.columns
    .filter(({ name, generated }) => generated === null && hasName(fromBefore, name) && !columns.has(name))
    .map(({ name }) =>
      finding(
        'HM401',
        `drops the column ${old.name}.${name}, which has values from before up`,
        columnBy.get(name) ?? by,
      ),
    )
}

const hasMovedRows = (table: string, upLineages: readonly Lineage[], { steps }: Recording): boolean => {
  const dropped = upLineages.filter(({ now }) => now === undefined).map(({ old }) => old.name)
  return withoutUndone(steps).some(({ touched, before, after }) => {
    const targets = [...touched.writes, ...without(after, before).map(({ name }) => name)]
    return hasName(targets, table) && touched.reads.some(name => hasName(dropped, name))
  })
}

/** HM203: existing tables of which an `up` deletes rows without naming them in `removesRows`. */
export const findDeletes = (
  lineages: readonly Lineage[],
  steps: readonly Step[],
  removesRows: readonly string[],
): readonly Finding[] =>
  lineages.flatMap(lineage => {
    if (lineage.now === undefined || hasName(removesRows, lineage.old.name)) return []
    const changes = (isIt: (change: Change) => boolean) => (step: Step) => {
      const change = changeOf(step.sql)
      return change !== undefined && isOf(lineage, change.table) && isIt(change)
    }
    const deletes = steps.find(changes(({ verb }) => verb === 'DELETE'))
    if (deletes !== undefined) return finding('HM203', `deletes rows of ${lineage.old.name}`, deletes)
    const replaces = steps.find(changes(change => change.replaces))
    if (replaces !== undefined) return finding('HM203', `may replace rows of ${lineage.old.name}`, replaces)
    const pick = findPick(lineage)
    return pick === undefined ? [] : finding('HM203', `does not copy all rows of ${lineage.old.name}`, pick)
  })

/**
 * HM203, HM204: foreign key actions on other tables, when an `up` deletes rows of a parent or changes its key. Lint has no rows,
 * so it judges by the statement.
 */
export const findKeyActions = (
  lineages: readonly Lineage[],
  steps: readonly Step[],
  removesRows: readonly string[],
): readonly Finding[] =>
  steps.flatMap(step => {
    const change = changeOf(step.sql)
    if (change === undefined || change.verb === 'INSERT') return []
    return step.before.tables.flatMap(({ name: child, foreignKeys }) =>
      foreignKeys
        .filter(({ parent, parentColumns }) => {
          const isChanged = change.sets.some(({ column }) => hasName(parentColumns, column))
          return sameName(parent, change.table) && (change.verb === 'DELETE' || isChanged)
        })
        .flatMap(({ columns, parent, onDelete, onUpdate }) => {
          const action = change.verb === 'DELETE' ? onDelete : onUpdate
          const by = `by ON ${change.verb} ${action} of its foreign key (${columns.join(', ')}) to ${parent}`
          const isOld = lineages.some(lineage => isOf(lineage, child))
          if (action === 'NO ACTION' || action === 'RESTRICT' || !isOld) return []
          if (action !== 'CASCADE' || change.verb === 'UPDATE')
            return finding('HM204', `changes rows of ${child}, ${by}`, step)
          return hasName(removesRows, child) ? [] : finding('HM203', `deletes rows of ${child}, ${by}`, step)
        }),
    )
  })

/**
 * HM401: rows from before `up` that a `down` deletes or leaves out of a rebuild, and values from before that it overwrites. It
 * may take back what `up` itself wrote, if a WHERE or LIMIT picks those rows.
 */
export const findEmptied = (
  upLineages: readonly Lineage[],
  up: Recording,
  lineages: readonly Lineage[],
  steps: readonly Step[],
): readonly Finding[] =>
  lineages.flatMap(lineage => {
    const origin = upLineages.find(({ now }) => now !== undefined && sameName(now.name, lineage.old.name))
    if (origin === undefined || lineage.now === undefined) return []
    const changes = withoutUndone(up.steps)
      .flatMap(({ sql }) => changeOf(sql) ?? [])
      .filter(({ verb, table }) => verb !== 'DELETE' && isOf(origin, table))
    const isOfUp = changes.length > 0
    const fromBefore = [...origin.columns.values()]
    const made = lineage.old.columns.map(({ name }) => name).filter(name => !hasName(fromBefore, name))
    // a value that up overwrote is not from before it, and up may have kept the old one in a column it made
    const writesOver = ({ column, expression }: Assignment) => !mentions(expression, [column, ...made])
    const isGone = (column: string) =>
      changes.some(
        ({ verb, picks, sets }) =>
          verb === 'UPDATE' && !picks && sets.some(set => sameName(set.column, column) && writesOver(set)),
      )
    // a column that was NOT NULL before up and is NULL now has no value from then
    const isOfNoValue = ({ where }: Change, { column }: Assignment) =>
      isOfNullOnly(where, column) &&
      origin.old.columns.some(({ name, notNull }) => notNull && sameName(String(origin.columns.get(name)), column))
    const isLoss = (set: Assignment) => hasName(fromBefore, set.column) && writesOver(set) && !isGone(set.column)
    const pick = isOfUp ? undefined : findPick(lineage)
    const left = `leaves out rows of ${lineage.old.name}, which may be from before up`
    const found = steps.flatMap(step => {
      const change = changeOf(step.sql)
      if (change === undefined || !isOf(lineage, change.table) || (change.picks && isOfUp)) return []
      if (change.verb === 'DELETE') {
        return finding('HM401', `deletes rows of ${change.table}, which may be from before up`, step)
      }
      if (change.verb === 'INSERT') return []
      return change.sets
        .filter(set => isLoss(set) && !isOfNoValue(change, set))
        .map(({ column, expression }) => {
          const name = `${change.table}.${column}`
          const what = /^NULL$/i.test(expression) ? `makes ${name} NULL` : `writes over ${name}`
          return finding('HM401', `${what}, which has values from before up`, step)
        })
    })
    return pick === undefined ? found : [...found, finding('HM401', left, pick)]
  })

/** Whether a name is the table's, before or after the migration. */
const isOf = ({ old, now }: Lineage, table: string): boolean =>
  sameName(table, old.name) || (now !== undefined && sameName(table, now.name))

/** Whether a condition only matches rows in which a column is NULL. */
const isOfNullOnly = (where: string, column: string): boolean =>
  !/\bOR\b/i.test(where) &&
  where.split(/\bAND\b/i).some(condition => isSameSql(condition.replace(/^[^.]*\./, ''), `${quote(column)} IS NULL`))
