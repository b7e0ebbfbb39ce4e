import { type Schema, type Table, tableNamed, without } from '../sqlite/schema/read.ts'
import { foldName, sameName } from '../sqlite/sql.ts'
import { type Recording, type Step, withoutUndone } from './record.ts'

/** What became of a table that was there before a migration. */
export type Lineage = Readonly<{
  /** as it was */
  old: Table
  /** as it is; undefined where it was dropped */
  now: Table | undefined
  /**
   * Another table stands in its place, which got its rows: the steps of a rebuild count as one change. This is the one that
   * dropped the old table.
   */
  rebuilt: Step | undefined
  /** the statements that filled that one out of the old one, or out of what had been filled so */
  copies: readonly Step[]
  /** the present names of its columns by those they had; what was dropped is not there */
  columns: ReadonlyMap<string, string>
  /** the names that they had last in the table that was dropped, where it was, also of those that are not in the new one */
  lastColumns: ReadonlyMap<string, string>
  /** the statement that last renamed it, or dropped it */
  by: Step | undefined
  /** the statement that last renamed each of its columns, or dropped it; none for one that went with the table */
  columnBy: ReadonlyMap<string, Step>
}>

export type Kept = Lineage & Readonly<{ now: Table }>
export const isKept = (lineage: Lineage): lineage is Kept => lineage.now !== undefined

/** A table through its life, whatever it is called. */
type Line = {
  name: string
  by: Step | undefined
  ended: boolean
  /** present names of its columns by those they had when it began */
  readonly columns: Map<string, string>
  readonly columnBy: Map<string, Step>
  /** the tables that its rows came from, and where theirs came from */
  readonly sources: Set<Line>
  /** the statements that brought them, and the tables which they read */
  readonly copies: Readonly<{ step: Step; from: Line }>[]
}

/**
 * Follows each table that was there before a migration through its statements, whose texts are not read: a table that goes
 * while another comes in one statement is renamed, and SQLite's program of each INSERT tells whose rows it copies.
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

/** One statement drops one table, makes one, or both at once: that is a new name for it. */
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
      // one less means that it was dropped, as many as before another name in the same place
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

/** Temporary tables are in no structure. */
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
