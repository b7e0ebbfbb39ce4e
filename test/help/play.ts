/**
 * Plays random migrations on the model of a database (world.ts): what is there at the end, and the calls of Sequelize and the SQL that lead
 * there. It knows what a migration may not do, out of docs/migrations.md, and shares no code with src. In the order of reading:
 *
 *     play/cases.ts    what chance decides: tables, and steps with a verb
 *     play/start.ts    the tables of the start     values.ts   what to choose from
 *     play/story.ts    what is known so far: the database, the verdict, the migration under way
 *     play/scene.ts    what a verb gets            script.ts   what it tells the migration to do      model.ts   what that does to tables
 *     play/verbs.ts    the table of verbs          verbs/      each is a function of a scene
 */

import type { Case } from './play/cases.ts'
import { playStep } from './play/scene.ts'
import { createWorld } from './play/start.ts'
import { type Action, endTransaction, fail, type Migration, openTransactions, type Story } from './play/story.ts'
import { verbs } from './play/verbs.ts'
import { copyOf, inCase, orphansIn, tableOf, type World } from './world.ts'

export type Played = Readonly<{
  start: World
  end: World
  migrations: readonly Readonly<{ actions: readonly Action[]; removesRows: readonly string[] }>[]
  fails: Story['fails']
  isUnsure: boolean
}>

/** Plays a case: what is in the database at its end, and how to get there. */
export const play = (test: Case): Played => {
  const next = createCounter()
  const start = createWorld(test.tables, next)
  const story: Story = { world: copyOf(start), fails: undefined, isUnsure: false, next }
  const migrations: Played['migrations'][number][] = []
  for (const [index, plan] of test.migrations.entries())
    if (story.fails === undefined) migrations.push(playMigration(story, index + 1, plan))
  return { start, end: story.world, migrations, fails: story.fails, isUnsure: story.isUnsure }
}

const createCounter = (): (() => number) => {
  let last = 0
  return () => {
    last += 1
    return last
  }
}

const playMigration = (
  story: Story,
  born: number,
  { steps, announced: chosen, open }: Case['migrations'][number],
): Played['migrations'][number] => {
  const begun = copyOf(story.world)
  const announced = begun.tables.filter((_, nth) => chosen !== null && (chosen.tables >> nth) & 1)
  const migration: Migration = { story, born, begun, announced, actions: [], levels: [] }
  for (const { verb, ...dice } of steps) playStep(migration, verbs[verb][1], dice)
  endAll(migration, open === 0)
  if (story.fails === undefined) judge(migration)
  return {
    actions: migration.actions,
    removesRows: announced.map(({ name }) => inCase(name, chosen?.how ?? 0)),
  }
}

/** What is still open is committed, the innermost first. */
const endAll = (migration: Migration, isLeftOpen: boolean): void => {
  if (isLeftOpen && openTransactions(migration).length > 0) fail(migration, 'left open')
  for (const level of openTransactions(migration).toReversed())
    if (migration.story.fails === undefined) endTransaction(migration, level, 'commit')
}

/** What the migrator has to find before it commits. */
const judge = (migration: Migration): void => {
  const { story, begun, announced } = migration
  const { world } = story
  for (const was of begun.tables.filter(table => !announced.includes(table))) {
    const kept = new Set(world.tables.find(({ id }) => id === was.id)?.rows.map(({ id }) => id))
    const gone = was.rows.filter(({ id }) => !kept.has(id))
    if (gone.some(row => row.born === 0)) fail(migration, `rows of ${was.name} are gone`)
    if (gone.some(row => row.born > 0)) story.isUnsure = true
  }
  const orphans = orphansIn(begun)
  if (orphansIn(world).some(orphan => !orphans.includes(orphan))) fail(migration, 'rows have no parent')
  const references = world.tables.flatMap(({ reference }) => reference ?? [])
  if (references.some(({ parent, to }) => tableOf(world, parent)?.columns[0]?.name !== to)) story.isUnsure = true
}
