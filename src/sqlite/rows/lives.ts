import type { SqlResult, SqlStatement } from '../../engine.ts'
import { must } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { changesRows, foldName, keywordOf, sameName, tokensOf, unquote } from '../sql.ts'
import { type PresentColumn, type PresentTable, readPresentTables } from './present-tables.ts'
import { type TableAccess, tableAccess } from './table-access.ts'

/** A table through all its names: the same one by what statements did to it, never by where its rows are now. */
export type Life = Readonly<{
  id: number
  /** all its names; the last is its present name, or the one it was dropped under */
  names: readonly string[]
  /** when it got each name, by a clock that counts schema changes */
  since: readonly number[]
  /** its rowid in sqlite_schema */
  place: number
  ended: boolean
  /** when it was dropped, by the same clock */
  endedAt: number | null
  /** the statement that dropped it */
  endedBy: string | null
  virtual: boolean
  /** a virtual table only: a statement deleted rows of it, which no trigger can note */
  deletedFrom: boolean
  /** a name by which its rowid can be read; null if there is none */
  rowid: string | null
  /** it may have foreign keys */
  references: boolean
  /** `first` is the name that a column had when the table was first seen */
  columns: readonly Readonly<PresentColumn & { first: string }>[]
  /** the lives whose rows statements copied into it, directly or through other tables */
  sources: readonly number[]
  /** how many deletes were noted when a statement first copied its rows elsewhere; null if none did */
  copiedAt: number | null
}>

type State = Readonly<{
  lives: readonly Life[]
  /** the number of schema changes so far */
  clock: number
  /** the lives whose rows were copied into temporary tables, by name */
  temporary: Readonly<Record<string, readonly number[]>>
}>

/** Only statements with these keywords can copy rows from one table into another. */
const copiesRows = /^(?:INSERT|REPLACE|WITH|CREATE)$/
const none: TableAccess = {
  ...{ isKnown: true, reads: [], writes: [], clears: [] },
  ...{ readsVirtual: false, writesVirtual: false, deletesVirtual: false },
}

export const presentName = ({ names }: Life): string => must(names.at(-1))

/**
 * Follows the tables of a database through the statements of a transaction. The state is in a temporary table, so that a
 * ROLLBACK TO reverts it together with the schema.
 * @param history the name of the history table, which is not followed
 */
export const followLives = (connection: Connection, history: string) => {
  // a row for each life, and one at 0 for the rest of the state, with its stamp
  connection.exec(
    'CREATE TEMP TABLE "migrator lives" (place INTEGER PRIMARY KEY, stamp INTEGER, state TEXT) WITHOUT ROWID',
  )
  const stamp = connection.prepare<[], number>('SELECT stamp FROM temp."migrator lives" WHERE place = 0').pluck()
  const load = connection.prepare<[], string>('SELECT state FROM temp."migrator lives" ORDER BY place').pluck()
  const write = connection.prepare('REPLACE INTO temp."migrator lives" VALUES (?, ?, ?)')
  let saves = 0
  /** what was saved last, and what it was saved under: after a ROLLBACK TO the table has another stamp */
  let last: Readonly<{ stamp: number; state: State }> | undefined
  /** @param state made from what `read` returned: only the lives that are other objects are written */
  const save = (state: State): void => {
    const { lives, ...rest } = state
    saves += 1
    for (const [index, life] of lives.entries())
      if (life !== last?.state.lives[index]) write.run(index + 1, saves, JSON.stringify(life))
    write.run(0, saves, JSON.stringify(rest))
    last = { stamp: saves, state }
  }
  const read = (): State => {
    const present = Number(stamp.get())
    if (last?.stamp === present) return last.state
    const [rest, ...lives] = load.all().map(text => JSON.parse(text))
    last = { stamp: present, state: { ...rest, lives } }
    return last.state
  }
  const version = connection.prepare<[], number>('SELECT schema_version FROM main.pragma_schema_version').pluck()
  const temporaries = connection.prepare<[], string>("SELECT name FROM sqlite_temp_schema WHERE type = 'table'").pluck()
  const virtual = connection.prepare("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND rootpage = 0 LIMIT 1")
  const hasVirtual = (): boolean => virtual.get() !== undefined
  let known = readPresentTables(connection, history)
  const present = (): readonly PresentTable[] => {
    known = readPresentTables(connection, history, known)
    return known
  }
  const start = known.map((table, index) => begin(table, index, [], 0))
  save({ lives: start, clock: 0, temporary: {} })

  /**
   * Runs a statement and records what it does to tables.
   * @param deletes how many deletes of rows are noted so far
   * @returns whether the schema changed, and the statement's result
   */
  const follow = (
    asked: SqlStatement,
    execute: () => SqlResult,
    deletes: number,
  ): Readonly<{ executed: SqlResult; changed: boolean }> => {
    const before = version.get()
    const isCopy = copiesRows.test(keywordOf(asked.sql)) && /\bSELECT\b/i.test(asked.sql)
    const access = isCopy ? tableAccess(connection, asked) : none
    // save before it runs: afterwards this would overwrite changes(), which the migration may query
    if (access.writes.length > 0 || access.writesVirtual) save(copied(read(), access, asked.sql, deletes))
    if (changesRows.test(keywordOf(asked.sql)) && hasVirtual() && tableAccess(connection, asked).deletesVirtual)
      save(deletedFrom(read(), asked.sql))
    const beside = isCopy ? temporaries.all() : []
    const executed = execute()
    const came = isCopy && connection.inTransaction ? temporaries.all().filter(name => !beside.includes(name)) : []
    if (came.length > 0)
      save(copied(read(), { ...access, writes: came.map(name => `temp.${name}`) }, asked.sql, deletes))
    // SQLite may have ended the transaction, and with it the state
    if (version.get() === before || !connection.inTransaction) return { executed, changed: false }
    save(compared(read(), present(), access, asked.sql, deletes))
    return { executed, changed: true }
  }

  /** Forgets what happened to the rows of a table so far. */
  const forget = ({ id }: Life): void => {
    const state = read()
    const isMeant = (life: Life): boolean => life.id === id && (life.deletedFrom || life.copiedAt !== null)
    const fresh = (life: Life): Life => (isMeant(life) ? { ...life, deletedFrom: false, copiedAt: null } : life)
    if (state.lives.some(isMeant)) save({ ...state, lives: state.lives.map(fresh) })
  }

  return { follow, forget, lives: (): readonly Life[] => read().lives }
}

const begin = (table: PresentTable, id: number, sources: readonly number[], now: number): Life => ({
  id,
  names: [table.name],
  since: [now],
  place: table.place,
  ended: false,
  endedAt: null,
  endedBy: null,
  virtual: table.virtual,
  deletedFrom: false,
  rowid: table.rowid,
  references: table.references,
  columns: table.columns.map(column => ({ ...column, first: column.name })),
  sources,
  copiedAt: null,
})

/** The table that bears a name now. */
export const livingAs = (lives: readonly Life[], name: string): Life | undefined =>
  lives.find(life => !life.ended && sameName(presentName(life), name))

/** All names that tables bear now, as SQLite compares them. */
const livingNames = (lives: readonly Life[]): ReadonlySet<string> =>
  new Set(lives.filter(({ ended }) => !ended).map(life => foldName(presentName(life))))

/** The life of an id: they are numbered in the order in which they began. */
export const lifeOf = (lives: readonly Life[], id: number): Life => must(lives[id])

/** The declared type of a column. */
export const typeIn = ({ columns }: Life, column: string): string =>
  must(columns.find(({ name }) => name === column)).type

/** The tables that a statement reads. */
const readBy = ({ lives }: State, access: TableAccess, sql: string): readonly Life[] =>
  lives.filter(
    life =>
      !life.ended && (life.virtual ? access.readsVirtual && isRead(life, lives, sql) : isNamedIn(access.reads, life)),
  )

/** The ids of all lives whose rows may be in what a statement reads, including those that were copied there. */
const sourcesOf = (state: State, access: TableAccess, sql: string): readonly number[] => [
  ...readBy(state, access, sql).flatMap(({ id, sources }) => [id, ...sources]),
  ...access.reads.flatMap(name => state.temporary[foldName(name)] ?? []),
]

/** Notes when the rows of the tables in `read` were first copied. */
const withCopies = (lives: readonly Life[], read: readonly Life[], deletes: number): readonly Life[] =>
  lives.map(life =>
    life.copiedAt === null && read.some(({ id }) => id === life.id) ? { ...life, copiedAt: deletes } : life,
  )

const isNamedIn = (names: readonly string[], life: Life): boolean =>
  names.some(name => sameName(name, presentName(life)))

/** EXPLAIN does not tell which virtual tables a statement reads: those its text names, or if it names none, any (by a view). */
const isRead = (life: Life, lives: readonly Life[], sql: string): boolean => {
  const names = namesIn(sql)
  const named = lives
    .filter(({ ended, virtual }) => !ended && virtual)
    .filter(other => isNamedIn(names.slice(1), other))
  return named.length === 0 ? !isNamedIn(names.slice(0, 1), life) : named.includes(life)
}

/** The words of a statement after INTO, unquoted: the first is the table it writes. Without INTO all its words. */
const namesIn = (sql: string): readonly string[] => {
  const words = tokensOf(sql).map(({ text }) => unquote(text).replace(/^main\./i, ''))
  const after = words.findIndex(word => /^into$/i.test(word)) + 1
  const into = words[after + 1] === '.' ? after + 2 : after
  return words.slice(into)
}

const copied = (state: State, access: TableAccess, sql: string, deletes: number): State => {
  const sources = sourcesOf(state, access, sql)
  const isWritten = (life: Life): boolean =>
    !life.ended &&
    (life.virtual ? access.writesVirtual && isNamedIn(namesIn(sql).slice(0, 1), life) : isNamedIn(access.writes, life))
  const filled = (life: Life): Life => {
    const merged = merge(life.sources, sources)
    return merged.length === life.sources.length ? life : { ...life, sources: merged }
  }
  const temporary = access.writes
    .filter(name => name.startsWith('temp.'))
    .map(name => [foldName(name), merge(state.temporary[foldName(name)] ?? [], sources)] as const)
  return {
    ...state,
    lives: withCopies(
      state.lives.map(life => (isWritten(life) ? filled(life) : life)),
      readBy(state, access, sql).filter(life => !isWritten(life)),
      deletes,
    ),
    temporary: { ...state.temporary, ...Object.fromEntries(temporary) },
  }
}

const merge = (a: readonly number[], b: readonly number[]): readonly number[] => [...new Set([...a, ...b])]

/** Marks virtual tables, which can have no triggers, as deleted from: those that the text names, or if it names none, all (by a trigger). */
const deletedFrom = (state: State, sql: string): State => {
  const present = state.lives.filter(({ ended, virtual }) => !ended && virtual)
  const named = present.filter(life => isNamedIn(namesIn(sql), life))
  const meant = named.length > 0 ? named : present
  return { ...state, lives: state.lives.map(life => (meant.includes(life) ? { ...life, deletedFrom: true } : life)) }
}

/** Applies a schema change to the state. ALTER TABLE ... RENAME keeps a table's row in sqlite_schema, under another name. */
const compared = (
  state: State,
  present: readonly PresentTable[],
  access: TableAccess,
  sql: string,
  deletes: number,
): State => {
  const clock = state.clock + 1
  const isAlter = keywordOf(sql) === 'ALTER'
  // most tables are as they were: only the others are looked for by name
  const now = new Set<PresentTable | undefined>(present)
  const same = new Set(state.lives.filter(life => !life.ended && now.has(asTheyWere.get(life))))
  for (const life of same) now.delete(asTheyWere.get(life))
  const others = present.filter(table => now.has(table))
  const [byName, byPlace] = [
    new Map(others.map(table => [foldName(table.name), table])),
    new Map(others.map(table => [table.place, table])),
  ]
  const isBorne = (name: string): boolean => livingAs(state.lives, name) !== undefined
  const tableOf = (life: Life): PresentTable | undefined => {
    const there = byName.get(foldName(presentName(life)))
    const renamed = isAlter && there === undefined ? byPlace.get(life.place) : undefined
    return there ?? (renamed !== undefined && !isBorne(renamed.name) ? renamed : undefined)
  }
  const followed = state.lives.map(life => {
    if (life.ended || same.has(life)) return life
    const table = tableOf(life)
    return table === undefined ? { ...life, ended: true, endedAt: clock, endedBy: sql } : grown(life, table, clock)
  })
  const sources = sourcesOf(state, access, sql)
  const after = livingNames(followed.filter(life => !same.has(life)))
  const came = others
    .filter(({ name }) => !after.has(foldName(name)))
    .map((table, index) => begin(table, followed.length + index, sources, clock))
  const copies = came.length > 0 ? readBy(state, access, sql) : []
  return { ...state, clock, lives: [...withCopies(followed, copies, deletes), ...came] }
}

/** A table as it was, and how many rows it had. Lives that are not in `since` came later. */
export type Old = Readonly<{ life: Life; rows: number; since: readonly Life[] }>

/**
 * The table that replaces each of these, if any. One table cannot replace two that had rows: the keys of one would stand for those of
 * the other. Those that still exist come first, then those that may not lose rows.
 */
export const successorsOf = <One extends Old>(
  olds: readonly One[],
  lives: readonly Life[],
  mayLose: (old: One) => boolean,
): ReadonlyMap<One, Life> => {
  const living = new Set(lives.filter(({ ended }) => !ended).map(({ id }) => id))
  const rank = (old: One): number => (living.has(old.life.id) ? 0 : mayLose(old) ? 2 : 1)
  const taken = new Set<number>()
  return new Map(
    olds
      .toSorted((a, b) => rank(a) - rank(b))
      .flatMap(old => {
        const successor = successorOf(old, lives)
        if (successor === undefined || (old.rows > 0 && taken.has(successor.id))) return []
        if (old.rows > 0) taken.add(successor.id)
        return [[old, successor] as const]
      }),
  )
}

/**
 * The table itself, if it still exists; if it was dropped, the next table that got one of its names, or the successor of that one.
 * A successor must be new, or have rows copied from it.
 */
const successorOf = ({ life, since }: Old, lives: readonly Life[]): Life | undefined => {
  const now = lifeOf(lives, life.id)
  if (!now.ended) return now
  const isHeir = (other: Life): boolean => other.sources.includes(life.id) || !since.some(({ id }) => id === other.id)
  const found = placesOf(now, lives, 0).filter(isHeir)
  return found.find(({ sources }) => sources.includes(life.id)) ?? found.at(0)
}

/** The lives that rows of a table passed through to its successor, both included, in the order in which they began. */
export const wayTo = (life: Life, successor: Life, lives: readonly Life[]): readonly Life[] =>
  [...new Set([life.id, successor.id, ...successor.sources])]
    .sort((a, b) => a - b)
    .map(id => lifeOf(lives, id))
    .filter(({ id, sources }) => id === life.id || id === successor.id || sources.includes(life.id))

/** Existing tables that followed under its names, the most likely first. @param from ignores names that it lost before that time */
const placesOf = (life: Life, lives: readonly Life[], from: number): readonly Life[] => {
  const { endedAt } = life
  if (endedAt === null) return [life]
  const names = life.names
    .map((name, index) => ({ name, left: life.since[index + 1] ?? endedAt }))
    .filter(({ left }) => left >= from)
  return names.toReversed().flatMap(({ name, left }) => {
    const [next] = lives
      .filter(other => other.id !== life.id)
      .flatMap(other => other.names.map((its, index) => ({ other, its, since: must(other.since[index]) })))
      .filter(({ its, since }) => sameName(its, name) && since >= left)
      .sort((a, b) => a.since - b.since)
    return next === undefined ? [] : placesOf(next.other, lives, next.since)
  })
}

/**
 * A new name at the same position is a rename, if the number of columns is the same; otherwise columns were added or dropped.
 * @returns the same object if nothing changed
 */
const grown = (life: Life, table: PresentTable, now: number): Life => {
  const { name, columns, place, references } = table
  const isSameName = presentName(life) === name
  const grew = columns.map((column, index) => {
    const known = life.columns.find(other => other.name === column.name)
    const inPlace = life.columns.length === columns.length ? life.columns[index] : undefined
    return { ...column, first: (known ?? inPlace)?.first ?? column.name }
  })
  const isSamePlace = place === life.place && references === life.references
  const isSame = isSameName && isSamePlace && JSON.stringify(grew) === JSON.stringify(life.columns)
  const after = {
    ...life,
    ...{ place, references },
    names: isSameName ? life.names : [...life.names, name],
    since: isSameName ? life.since : [...life.since, now],
    columns: grew,
  }
  const grownLife = isSame ? life : after
  asTheyWere.set(grownLife, table)
  return grownLife
}

/** The table that each life was compared with last: many are not read again (readPresentTables). */
const asTheyWere = new WeakMap<Life, PresentTable>()
