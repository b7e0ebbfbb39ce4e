import type { Column } from '../../database/columns.ts'
import { type Structure, type Table, without } from '../../database/structure.ts'
import { isSameSql } from '../../database/tokens.ts'
import { type Fate, isSurvivor, type Survivor } from '../fates.ts'
import { type Step, stepThat } from '../recorder.ts'
import { changeOf, fills } from './change.ts'
import { isConstant } from './constant.ts'
import { type Finding, finding } from './finding.ts'
import { describeUnique, implies, uniquesOf } from './uniques.ts'

/** MF101 to MF104, LT101, HM301: what works on an empty table, and on another only if its rows are so. */
export const findDataDependent = (fates: readonly Fate[], steps: readonly Step[]): readonly Finding[] =>
  fates
    .filter(isSurvivor)
    .flatMap(fate => [...findAdded(fate, steps), ...findNotNull(fate, steps), ...findUnique(fate, steps)])

/** A rebuild fills its new columns by itself. */
const findAdded = ({ now, columns, rebuilt }: Survivor, steps: readonly Step[]): readonly Finding[] => {
  if (rebuilt !== undefined) return []
  const present = [...columns.values()]
  const added = now.columns.filter(({ name }) => !present.includes(name))
  return added.flatMap(column => {
    const name = `${now.name}.${column.name}`
    const step = stepThat(steps, structure => columnIn(structure, now, column) !== undefined)
    if (column.generated !== null)
      return column.generated.kind === 'stored' ? finding('HM301', `adds the stored column ${name}`, step) : []
    if (column.default === null)
      return column.notNull ? finding('MF103', `adds the column ${name} as NOT NULL without a default`, step) : []
    if (isConstant(column.default)) return []
    return finding('HM301', `adds the column ${name} with the default ${column.default}`, step)
  })
}

const findNotNull = ({ old, now, columns, rebuilt }: Survivor, steps: readonly Step[]): readonly Finding[] => {
  const replaced = rebuilt === undefined ? [] : without(rebuilt.before, rebuilt.after).map(({ name }) => name)
  return old.columns.flatMap(before => {
    const column = now.columns.find(({ name }) => name === columns.get(before.name))
    if (column === undefined || before.notNull || !column.notNull) return []
    const isSo = (structure: Structure) => columnIn(structure, now, column)?.notNull === true
    const isFilled = steps.some(step => {
      const change = changeOf(step.sql)
      if (change === undefined || isSo(step.before)) return false
      const isUpdate = change.verb === 'UPDATE' && [old.name, now.name].includes(change.table)
      const isCopy = change.verb === 'INSERT' && step.touched.reads.some(isOneOf(replaced))
      return [before.name, column.name].some(
        name => fills(change, name) && (isCopy || (isUpdate && isOfAllNull(step.asked, name))),
      )
    })
    if (isFilled) return []
    const code = column.default === null ? 'LT101' : 'MF104'
    return finding(code, `makes ${now.name}.${column.name} NOT NULL`, stepThat(steps, isSo))
  })
}

/** Whether an UPDATE leaves out no row in which a column is NULL; the batches of a backfill are all rows together. */
const isOfAllNull = (asked: string, column: string): boolean =>
  String(changeOf(asked)?.where)
    .replace(/\S+ BETWEEN \$first AND \$last/i, '')
    .split(/\bAND\b/i)
    .map(condition => condition.trim().replace(/^[^.]*\./, ''))
    .every(condition => condition === '' || isSameSql(condition, `"${column}" IS NULL`))

const findUnique = ({ old, now, columns }: Survivor, steps: readonly Step[]): readonly Finding[] => {
  const present = [...columns.values()]
  const isExpression = (part: string) => !now.columns.some(({ name }) => name === part)
  const before = uniquesOf(old).map(unique => ({
    ...unique,
    parts: unique.parts.map(part => ({ ...part, of: columns.get(part.of) ?? part.of })),
  }))
  return uniquesOf(now)
    .filter(
      unique =>
        unique.parts.some(({ of }) => present.includes(of) || isExpression(of)) &&
        !before.some(other => implies(other, unique)),
    )
    .map(unique => {
      const isThere = ({ tables }: Structure) =>
        tables.some(table => table.name === now.name && uniquesOf(table).some(other => implies(other, unique)))
      const step = stepThat(steps, isThere)
      const wasPlain = old.indexes.some(({ name, unique: was }) => !was && name !== null && name === unique.name)
      if (wasPlain) return finding('MF102', `makes the index ${unique.name} unique`, step)
      return finding('MF101', `makes ${now.name} ${describeUnique(unique)} unique`, step)
    })
}

const columnIn = ({ tables }: Structure, table: Table, column: Column): Column | undefined =>
  tables.find(({ name }) => name === table.name)?.columns.find(({ name }) => name === column.name)

const isOneOf = (names: readonly string[]) => (name: string) => names.includes(name)
