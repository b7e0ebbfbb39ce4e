import { type Schema, type Table, tableNamed, without } from '../sqlite/schema/read.ts'
import { foldName, sameName } from '../sqlite/sql.ts'
import { type Recording, type Step, withoutUndone } from './record.ts'

/** What became of a table that existed before a migration. */
export type Lineage = Readonly<{
  /** as it was */
  old: Table
  /** as it is; undefined if it was dropped */
  now: Table | undefined
  /**
   * The statement that dropped the old table of a rebuild, after which another table with its rows takes its name; the steps of a
   * rebuild count as one change. Undefined if it was not rebuilt.
   */
  rebuilt: Step | undefined
  /** the statements that filled the new table from the old one, directly or through other tables */
  copies: readonly Step[]
  /** present column names by the original ones; without dropped columns */
  columns: ReadonlyMap<string, string>
  /** last column names in the old table by the original ones, even if it was dropped or the new table lacks the column */
  lastColumns: ReadonlyMap<string, string>
  /** the statement that last renamed or dropped it */
  by: Step | undefined
  /** the statement that last renamed or dropped each column; none for a column dropped with the table */
  columnBy: ReadonlyMap<string, Step>
}>

export type Kept = Lineage & Readonly<{ now: Table }>
export const isKept = (lineage: Lineage): lineage is Kept => lineage.now !== undefined

/** One table, followed through its renames. */
type Line = {
  name: string
  by: Step | undefined
  ended: boolean
  /** present column names by those when the table came */
  readonly columns: Map<string, string>
  readonly columnBy: Map<string, Step>
  /** the tables its rows came from, directly or through others */
  readonly sources: Set<Line>
  /** the statements that copied the rows, each with the table it read */
  readonly copies: Readonly<{ step: Step; from: Line }>[]
}

/**
 * Traces each existing table through a migration's statements without parsing SQL: if one table disappears and another appears in
 * the same statement, it was renamed; SQLite's program of each INSERT (EXPLAIN) tells whose rows it copies.
 */
export const lineagesOf = ({ before, steps }: Recording): readonly Lineage[] => {
  const kept = withoutUndone(steps)
  const lives = before.tables.map(old => ({ old, life: begin(old) }))
  const living = new Map(lives.map(({ life }) => [foldName(life.name), life]))
  for (const step of kept) {
    followTables(step, living)
    followColumns(step, living)
    followRows(step, living)
  }
  const after = kept.at(-1)?.after ?? before
  return lives.map(({ old, life }) => toFate(old, life, living.get(foldName(old.name)), after))
}

const begin = ({ name, columns }: Pick<Table, 'name' | 'columns'>): Line => ({
  name,
  by: undefined,
  ended: false,
  columns: new Map(columns.map(column => [column.name, column.name])),
  columnBy: new Map(),
  sources: new Set(),
  copies: [],
})

/** One statement drops one table, creates one, or renames one, which looks like both at once. */
const followTables = (step: Step, living: Map<string, Line>): void => {
  const [gone] = without(step.before, step.after)
  const [came] = without(step.after, step.before)
  if (gone !== undefined) {
    const life = lifeOf(gone.name, living)
    living.delete(foldName(gone.name))
    life.by = step
    if (came === undefined) life.ended = true
    else living.set(foldName(came.name), Object.assign(life, { name: came.name }))
  } else if (came !== undefined) living.set(foldName(came.name), begin(came))
}

const followColumns = (step: Step, living: Map<string, Line>): void => {
  for (const { name, columns: now } of step.after.tables) {
    const old = tableNamed(step.before, name)?.columns ?? now
    for (const [index, column] of old.entries()) {
      if (now.some(other => sameName(other.name, column.name))) continue
      const { columns, columnBy } = lifeOf(name, living)
      // fewer columns: it was dropped; as many as before: it was renamed in place
      const present = old.length === now.length ? now[index]?.name : undefined
      for (const [first] of [...columns].filter(([, last]) => sameName(last, column.name))) {
        columnBy.set(first, step)
        if (present === undefined) columns.delete(first)
        else columns.set(first, present)
      }
    }
  }
}

const followRows = (step: Step, living: Map<string, Line>): void => {
  const came = without(step.after, step.before).map(({ name }) => name)
  for (const target of [...step.touched.writes, ...came]) {
    for (const source of step.touched.reads.filter(name => !sameName(name, target))) {
      const { sources, copies } = lifeOf(target, living)
      const from = lifeOf(source, living)
      copies.push({ step, from })
      for (const life of [from, ...from.sources]) sources.add(life)
    }
  }
}

/** Begins a line for a name the schema lacks, since temporary tables are in no schema. */
const lifeOf = (name: string, living: Map<string, Line>): Line => {
  const life = living.get(foldName(name)) ?? begin({ name, columns: [] })
  living.set(foldName(name), life)
  return life
}

const toFate = (old: Table, life: Line, inItsPlace: Line | undefined, after: Schema): Lineage => {
  const rebuilt = life.ended && inItsPlace?.sources.has(life) === true
  const name = rebuilt ? old.name : life.name
  const columns = [...life.columns].flatMap(([first, last]): [string, string][] => {
    const present = rebuilt ? [...inItsPlace.columns].find(([name]) => sameName(name, last))?.[1] : last
    return present === undefined ? [] : [[first, present]]
  })
  return {
    old,
    now: life.ended && !rebuilt ? undefined : tableNamed(after, name),
    rebuilt: rebuilt ? life.by : undefined,
    copies: rebuilt
      ? inItsPlace.copies.filter(({ from }) => from === life || from.sources.has(life)).map(({ step }) => step)
      : [],
    columns: new Map(columns),
    lastColumns: life.columns,
    by: life.by,
    columnBy: life.columnBy,
  }
}
