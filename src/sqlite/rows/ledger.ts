import type { Changes, Ledger, Missing, SqlStatement, TableChange } from '../../engine.ts'
import { must } from '../../failure.ts'
import { type SqliteHook, toHook } from '../bridge/session.ts'
import { countRows } from '../check.ts'
import type { Connection } from '../connect.ts'
import { readViews, type View } from '../schema/read.ts'
import { changesRows, foldName, keywordOf, sameName } from '../sql.ts'
import { type Before, fileBefore, keepBefore, keepKeys } from './before.ts'
import { followLives, type Life, lifeOf, livingAs, type Old, presentName, successorsOf, wayTo } from './lives.ts'
import { findGone } from './net.ts'
import { createOrphanNotes, type NameOf } from './orphans.ts'
import { createRowTriggers, type Deleted } from './row-triggers.ts'
import { tableAccess } from './table-access.ts'

type LedgerOptions = Readonly<{
  /** the name of the history table, whose rows are not counted */
  history: string
  /** a copy of the database as it is now; undefined if there is none */
  backup: string | undefined
  /** more tables are many: of those only what a statement writes is watched and counted */
  most?: number
}>

/** To watch a table takes as long as to explain two statements, so that explaining each one pays from here on. */
const usualMost = 100

/** What was read after a migration, or before the first one. */
type Taken = Readonly<{
  lives: readonly Life[]
  /** by id */
  rows: ReadonlyMap<number, number>
  /** of the schema */
  version: unknown
  views: readonly View[]
  unchecked: ReadonlyMap<number, string>
}>

/** Rows that must still be there at the end: of a table as it was before the run, or when the migration after it was made began. */
type Kept = Old & Readonly<{ id: number; before: Before }>

/**
 * Tracks the rows of a database from now on, in its open transaction. Counts all rows now and after each migration, and checks all
 * foreign keys after it: about 0.2 s for a million rows. Of many tables it counts only those that the migration wrote.
 */
export const openLedger = (connection: Connection, options: LedgerOptions): Ledger => {
  const { history, backup, most = usualMost } = options
  const { follow, forget, lives } = followLives(connection, history)
  const triggers = createRowTriggers(connection, most)
  const orphans = createOrphanNotes(connection)
  const start = lives()
  const file = fileBefore(connection, backup)
  /** ids of what is kept, whose removals a migration announced */
  const announced = new Set<number>()
  let removesRows: readonly string[] = []
  let begun = start
  let time = 0
  let mark = 0
  let steps: { readonly sql: string; readonly first: number }[] = []
  /** ids of the tables that statements may have written since their rows were counted */
  let written = new Set<number>()

  const schemaVersion = connection.prepare<[], number>('SELECT schema_version FROM main.pragma_schema_version').pluck()

  /** Counts all tables, or of many only those that are new, changed or written since `last`. */
  const take = (now: readonly Life[], last?: Taken, nameOf?: NameOf): Taken => {
    const lives = now.filter(({ ended }) => !ended)
    const version = schemaVersion.get()
    const counted = new Set(lives.length > most ? last?.lives : [])
    const countOf = (life: Life): number => {
      const rows = counted.has(life) && !life.virtual && !written.has(life.id) ? last?.rows.get(life.id) : undefined
      return rows ?? countRows(connection, presentName(life)).at(0) ?? 0
    }
    const rows = new Map(lives.map(life => [life.id, countOf(life)]))
    written = new Set()
    const views = last !== undefined && last.version === version ? last.views : readViews(connection)
    // the first time only if something is broken later, which most databases never have
    const isLater = time === 0 && file !== undefined
    return { lives, rows, version, views, unchecked: isLater ? new Map() : orphans.note(lives, rows, time, nameOf) }
  }
  let known = take(start)
  // rows that are none are not looked for, and one that only the hub can read has none here
  const filled = (life: Life): boolean => must(known.rows.get(life.id)) > 0
  const before = keepBefore(connection, start.filter(filled), file)
  let made = 0
  const keep = (life: Life, since: readonly Life[], before: Before): Kept => {
    made += 1
    return { id: made, life, rows: must(known.rows.get(life.id)), since, before }
  }
  let kept: readonly Kept[] = start.map(life => keep(life, start, before))
  let origins: ReadonlyMap<number, readonly number[]> = new Map()

  /** A name in removesRows means the table that has it before the migration, or else one that gets it during the migration. */
  const isAnnounced = (life: Life, later: readonly string[]): boolean =>
    removesRows.some(name => {
      const meant = livingAs(begun, name)
      return meant === undefined ? later.some(other => sameName(other, name)) : life.id === meant.id
    })

  const begin = async (names: readonly string[]): Promise<void> => {
    removesRows = names
    begun = lives()
    const successors = successorsOf(kept, begun, wasAnnounced)
    const hasOrigin = new Set([...successors.values()].map(({ id }) => id))
    const rest = kept.flatMap(one => keepRest(one, successors.get(one)))
    kept = [...rest, ...known.lives.filter(({ id }) => !hasOrigin.has(id)).map(keepNow)]
    // by the names and keys that this migration begins with; those of the first are noted so already
    if (time > 0 && orphans.has(time)) orphans.note(known.lives, known.rows, time)
    origins = originsNow()
    mark = triggers.lastDelete()
    steps = []
    watchAll(begun)
  }

  /** What an earlier migration announced and left is kept from now on, unless this one announces it as well. */
  const keepRest = (one: Kept, now: Life | undefined): readonly Kept[] => {
    if (!wasAnnounced(one)) return [one]
    if (now === undefined) return []
    if (isAnnounced(now, now.names)) return [one]
    return [keepNow(now)]
  }

  const keepNow = (life: Life): Kept => {
    triggers.forget(life)
    forget(life)
    return keep(life, begun, keepKeys(connection, [life].filter(filled)))
  }

  const wasAnnounced = ({ id }: Kept): boolean => announced.has(id)

  /** The ids of what is kept in each table that is there when the migration begins. */
  const originsNow = (): ReadonlyMap<number, readonly number[]> => {
    const pairs = [...successorsOf(kept, begun, wasAnnounced)]
    const grouped = Map.groupBy(pairs, ([, now]) => now.id)
    return new Map([...grouped].map(([id, of]) => [id, of.map(([one]) => one.id)]))
  }

  const watch = (now: readonly Life[]): void => triggers.watch(now, life => isAnnounced(life, life.names))

  /**
   * Of many tables none: a statement's are watched when it comes, by what this migration announces. No trigger outlives a schema
   * change: where ALTER TABLE leaves an old name in it, the next one fails.
   */
  const watchAll = (now: readonly Life[]): void => {
    if (now.filter(({ ended }) => !ended).length <= most) watch(now)
    else triggers.drop()
  }

  /** Of many tables, watches those that a statement may write, and notes them; all if it does not tell. */
  const watchWritten = (asked: SqlStatement): void => {
    if (!changesRows.test(keywordOf(asked.sql)) || !connection.inTransaction) return
    const living = lives().filter(({ ended }) => !ended)
    const isMany = living.length > most
    const access = isMany ? tableAccess(connection, asked) : undefined
    const names = new Set([...(access?.writes ?? []), ...(access?.clears ?? [])].map(foldName))
    const meant = access?.isKnown ? living.filter(life => names.has(foldName(presentName(life)))) : living
    for (const { id } of meant) written.add(id)
    if (isMany) watch(meant)
  }

  const around: SqliteHook = (asked, execute) => {
    watchWritten(asked)
    const deletes = triggers.lastDelete()
    const { executed, changed } = follow(asked, execute, deletes)
    if (!executed.reads && connection.inTransaction) {
      if (changed) watchAll(lives())
      if (triggers.lastDelete() > deletes) steps.push({ sql: asked.sql, first: deletes + 1 })
    }
    return executed
  }

  const changeOf = (
    was: Life,
    successor: Life | undefined,
    now: readonly Life[],
    rows: ReadonlyMap<number, number>,
    deleted: readonly Deleted[],
  ): TableChange => {
    const last = lifeOf(now, was.id)
    const way = () => (successor === undefined ? [was] : wayTo(was, successor, now))
    const deletes = deleted.length === 0 ? [] : deletesOf(way(), deleted)
    const first = Math.min(...deletes.map(one => one.first))
    const ids = must(origins.get(was.id))
    const isMeant = isAnnounced(was, [...last.names, ...(successor?.names ?? [])])
    if (isMeant) for (const id of ids) announced.add(id)
    return {
      id: must(ids[0]),
      name: presentName(was),
      rows: must(known.rows.get(was.id)),
      left: successor === undefined ? 0 : must(rows.get(successor.id)),
      deleted: deletes.reduce((sum, one) => sum + one.rows, 0),
      by: steps.findLast(step => step.first <= first && deletes.length > 0)?.sql ?? last.endedBy,
      announced: isMeant,
    }
  }

  const deletesOf = (way: readonly Life[], deleted: readonly Deleted[]): readonly Deleted[] =>
    deleted.filter(({ life }) => way.some(({ id }) => id === life))

  const end = async (): Promise<Changes> => {
    time += 1
    const now = lives()
    const olds = known.lives.map(life => ({ life, rows: must(known.rows.get(life.id)), since: known.lives }))
    const isMeant = ({ life }: Old): boolean => isAnnounced(life, life.names)
    const successors = successorsOf(olds, now, isMeant)
    const ofSuccessors = new Map(olds.toReversed().map(old => [successors.get(old)?.id, old.life]))
    const before = new Map(known.lives.map(life => [life.id, life]))
    const origin = ({ id }: Life): Life | undefined => before.get(id) ?? ofSuccessors.get(id)
    const next = take(now, known, (life, column) => nameBefore(origin(life), life, column, now))
    const hasOrphans = orphans.has(time)
    if (time === 1 && file !== undefined && (hasOrphans || next.unchecked.size > 0))
      known = { ...known, unchecked: orphans.noteIn(file, known.lives, known.rows, 0) }
    const deleted = triggers.deletedSince(mark)
    const wayOf = (life: Life): readonly Life[] => {
      const was = origin(life)
      return was === undefined ? [] : wayTo(was, life, now).filter(({ id }) => id !== life.id)
    }
    const changes = {
      tables: olds.map(old => changeOf(old.life, successors.get(old), now, next.rows, deleted)),
      orphans: hasOrphans ? next.lives.flatMap(life => orphans.since(life, wayOf(life), time)) : [],
      unchecked: next.lives.flatMap(life => {
        const reason = next.unchecked.get(life.id)
        const was = origin(life)
        const isOld = was !== undefined && known.unchecked.has(was.id)
        return reason === undefined || isOld ? [] : [{ table: presentName(life), reason }]
      }),
      unreadable: next.views.flatMap(({ name, error }) => {
        const could = known.views.some(view => view.name === name && view.error === null)
        return error !== null && could ? [{ name, reason: error }] : []
      }),
    }
    known = next
    return changes
  }

  const missing = async (): Promise<readonly Missing[]> => {
    before.open()
    const now = lives()
    const successors = successorsOf(kept, now, wasAnnounced)
    return kept
      .filter(one => !wasAnnounced(one) && one.rows > 0)
      .flatMap(one => missingOf(connection, one, successors.get(one), now))
  }

  const finish = async (): Promise<void> => {
    triggers.finish()
    const tables = connection.prepare<[], string>(
      "SELECT name FROM sqlite_temp_schema WHERE type = 'table' AND name LIKE 'migrator %'",
    )
    for (const name of tables.pluck().all()) connection.exec(`DROP TABLE temp."${name}"`)
  }

  return { around: toHook(around), isOpen: () => connection.inTransaction, begin, end, missing, finish }
}

/** The name that a column had when the migration began, in the table that was there; its present one if it is new. */
const nameBefore = (was: Life | undefined, life: Life, column: string, now: readonly Life[]): string => {
  const { first } = must(life.columns.find(({ name }) => name === column))
  if (was === undefined) return column
  // a table that replaces another one has its columns by their names
  const known =
    was.id === life.id ? first : lifeOf(now, was.id).columns.find(({ name }) => sameName(name, first))?.first
  return was.columns.find(other => other.first === known)?.name ?? first
}

const missingOf = (
  connection: Connection,
  { id, life: old, rows, before }: Kept,
  successor: Life | undefined,
  now: readonly Life[],
): readonly Missing[] => {
  const name = presentName(old)
  if (successor === undefined) return [{ id, name, rows, example: null }]
  const last = lifeOf(now, old.id)
  const gone = findGone(connection, before, { old, last, now: successor, way: wayTo(old, successor, now) })
  return gone.rows > 0 ? [{ id, name, ...gone }] : []
}
