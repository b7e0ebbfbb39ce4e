// This file is about PostgreSQL; the Finding is SQLite's.
import type { Context } from '../context.ts'
import { runPlain, type Transaction } from '../engine.ts'
import { attemptAsync, Failure, must } from '../failure.ts'
import { wasAdopted } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { readPlan } from '../migrations/plan.ts'
import { loadForTrial } from '../on-server/online.ts'
import { type Change, compareServerSchemas } from '../postgres/compare.ts'
import { findInvalid, findNotOwned, findNotValid, readAlembic } from '../postgres/examine.ts'
import { hasHistory, setAside } from '../postgres/history.ts'
import { createPostgres } from '../postgres/postgres.ts'
import type { PostgresReader } from '../postgres/reader.ts'
import { readServerSchema, type ServerSchema } from '../postgres/schema.ts'
import { withEmptySchema } from '../postgres/scratch.ts'
import { differ, type Finding } from '../sqlite/schema/compare.ts'
import type { Adoptable } from './adoption.ts'
import { type CheckResults, historyProblems, toProblems } from './examine.ts'
import type { Comparison } from './match.ts'
import { runAll } from './run-all.ts'

/**
 * The schema after each of the migrations, run in an empty schema: see withEmptySchema.
 * @throws as withEmptySchema and runAll
 */
export const expectedOnServer = async (
  context: Context,
  migrations: readonly LoadedMigration[],
): Promise<readonly ServerSchema[]> => {
  const { signal, version } = context
  const structures: ServerSchema[] = []
  if (migrations.length > 0)
    await withEmptySchema(context, scratch => {
      const afterEach = async () => structures.push(await readServerSchema(scratch.connection))
      return runAll(scratch, migrations, { version, signal, hook: runPlain, afterEach })
    })
  return structures
}

export const emptyServerSchema: ServerSchema = { tables: [], others: [] }

/**
 * Compares a server's schema with what the migrations make. Additional tables, views and plain indexes and the like are information;
 * what refuses rows or changes writes is a difference.
 * @param adopted tolerates what another tool's types and names differ in without another meaning
 */
export const compareOnServer = (
  expected: ServerSchema,
  found: ServerSchema,
  { adopted }: Readonly<{ adopted: boolean }>,
): readonly Finding[] => {
  const names = expected.tables.map(({ name }) => name)
  return compareServerSchemas(expected, found)
    .filter(({ kind, table, what }) => kind === 'table' || what === 'extra' || !isMissing(table, expected, found))
    .map(change => ({
      weight: weightOf(change, names.includes(change.table), adopted ? 'tolerated' : 'difference'),
      object: `${change.kind} ${change.name}`,
      what: change.what,
      expected: inOneLine(change.before),
      found: inOneLine(change.after),
    }))
}

/** A table that is missing is one finding, without those of what is on it. */
const isMissing = (table: string, expected: ServerSchema, found: ServerSchema): boolean =>
  expected.tables.some(({ name }) => name === table) && !found.tables.some(({ name }) => name === table)

const inOneLine = (text: string | null): string | null => text?.replaceAll(/\s+/g, ' ') ?? null

const weightOf = (
  { kind, what, before, after }: Change,
  isOnExpected: boolean,
  tolerable: Finding['weight'],
): Finding['weight'] => {
  if (what === 'extra') {
    if (!isOnExpected) return 'information'
    const refuses = kind === 'column' || kind === 'constraint' || kind === 'trigger' || kind === 'policy'
    return refuses || /^CREATE UNIQUE/.test(String(after)) ? 'difference' : 'information'
  }
  switch (what) {
    case 'type':
      return isAlike(String(before), String(after)) ? tolerable : 'difference'
    case 'NULL':
      // it refuses what would have been allowed
      return before === 'NULL' ? tolerable : 'difference'
    case 'default':
      return after === null ? tolerable : 'difference'
    case 'name':
      return tolerable
    case 'numbering':
      return before !== null && after !== null ? tolerable : 'difference'
    default:
      return 'difference'
  }
}

/** Types that hold the same kind of values. Times with and without zone do not. */
const kinds: readonly RegExp[] = [
  /^(?:text|character varying(?:\(\d+\))?)$/,
  /^(?:smallint|integer|bigint)$/,
  /^(?:real|double precision|numeric(?:\(.*\))?)$/,
  /^jsonb?$/,
]
const isAlike = (a: string, b: string): boolean => kinds.some(kind => kind.test(a) && kind.test(b))

/** In what a server's database differs from what these migrations make. @throws as expectedOnServer */
export const differencesFrom = async (
  context: Context,
  migrations: readonly LoadedMigration[],
  options: Readonly<{ adopted: boolean }>,
): Promise<readonly Finding[]> => {
  const expected = must((await expectedOnServer(context, migrations)).at(-1))
  return compareOnServer(expected, await readHere(context, ({ connection }) => readServerSchema(connection)), options)
}

/** Reads the database that the settings name, in one transaction that only reads. */
export const readHere = async <T>(context: Context, work: (reader: PostgresReader) => Promise<T>): Promise<T> => {
  const engine = createPostgres(context, must(context.config.server))
  return engine.read('wait', work)
}

/** How schemas of a server are compared where another tool made the database. */
export const serverComparison: Comparison<ServerSchema> = {
  nothing: emptyServerSchema,
  compare: (expected, found) => compareOnServer(expected, found, { adopted: true }),
  additions: (before, after) => {
    const made = after.tables.filter(({ name }) => !before.tables.some(table => table.name === name))
    const bare = made.map(table => ({ ...table, columns: [], constraints: [] }))
    return [
      ...compareOnServer(before, after, { adopted: true }),
      ...compareOnServer({ tables: bare, others: [] }, { tables: made, others: [] }, { adopted: true }),
    ].filter(({ what }) => what === 'extra')
  },
  tablesOf: ({ tables }) => tables.map(({ name }) => name),
  isNamed: ({ tables }, table) => tables.some(({ name }) => name === table),
  isAlike: (table, expected, found) => {
    const only = ({ tables }: ServerSchema): ServerSchema => ({
      tables: tables.filter(({ name }) => name === table),
      others: [],
    })
    if (only(found).tables.length === 0) return false
    return compareOnServer(only(expected), only(found), { adopted: true }).every(
      ({ weight }) => weight !== 'difference',
    )
  },
  keyOf: object => object,
  isSame: (a, b) => a === b,
}

const hints = {
  indexes: 'A concurrent build failed. Drop the index and build it again: REINDEX INDEX CONCURRENTLY does both.',
  constraints: 'Fix the rows that break it, then ALTER TABLE ... VALIDATE CONSTRAINT.',
  ownership: 'Only its owner can alter a table: ALTER TABLE ... OWNER TO, or GRANT the owner to this user.',
  structure:
    'See `migrator schema` for what is there. Undo what was changed by hand; what is to stay belongs in a migration.',
} as const

/**
 * Checks a server's database in one transaction that only reads: history, structure, invalid indexes, constraints that are not valid,
 * and owners. The structure is compared only if every applied migration is known.
 * @throws what reading throws; MIGRATION_FAILED if an applied migration cannot be run in an empty schema
 */
export const runChecksOnServer = async (context: Context, known: readonly MigrationFile[]): Promise<CheckResults> => {
  const { plan, found, invalid, notValid, notOwned } = await readHere(context, async reader => ({
    plan: await readPlan(reader, known),
    found: await readServerSchema(reader.connection),
    invalid: await findInvalid(reader.connection),
    notValid: await findNotValid(reader.connection),
    notOwned: await findNotOwned(reader.connection),
  }))
  const listed = (check: keyof typeof hints, what: string, code: 'SCHEMA_DRIFT' | 'PRIVILEGE_MISSING', rows: Rows) =>
    toProblems(
      check,
      code,
      hints[check],
      rows.flatMap(({ object, found: text }) => differ('difference', object, what, null, text)),
    )
  const results: CheckResults['results'] = {
    history: historyProblems(plan.conflicts, plan.pending),
    indexes: listed('indexes', 'invalid', 'SCHEMA_DRIFT', invalid),
    constraints: listed('constraints', 'not valid', 'SCHEMA_DRIFT', notValid),
    ownership: listed('ownership', 'owner', 'PRIVILEGE_MISSING', notOwned),
  }
  const schema = plan.applied.at(-1)?.name ?? null
  const prefix = known.filter(({ name }) => plan.applied.some(migration => migration.name === name))
  if (prefix.length < plan.applied.length) return { schema, results }
  const made = await attemptAsync(async () => expectedOnServer(context, await loadForTrial(prefix, context.signal)))
  // the other checks stand: what stopped this one is told after them
  if ('error' in made && made.error instanceof Failure && made.error.code !== 'MIGRATION_FAILED')
    return { schema, results, stopped: made.error }
  if ('error' in made) throw made.error
  const findings = compareOnServer(made.value.at(-1) ?? emptyServerSchema, found, {
    adopted: wasAdopted(plan.applied),
  })
  return {
    schema,
    results: { ...results, structure: toProblems('structure', 'SCHEMA_DRIFT', hints.structure, findings) },
  }
}

type Rows = readonly Readonly<{ object: string; found: string }>[]

/** What adopting asks of a server's database and does to it. */
export const adoptable = async (transaction: Transaction): Promise<Adoptable<ServerSchema>> => {
  const { connection } = transaction as Transaction & PostgresReader
  return {
    history: await transaction.history(),
    hasHistory: await hasHistory(connection),
    found: await readServerSchema(connection),
    comparison: serverComparison,
    origin: async hasForeignRows => {
      const revisions = await readAlembic(connection)
      if (revisions !== undefined) return { tool: 'Alembic', revision: revisions.join(', ') || null }
      return { tool: hasForeignRows ? 'sequelize-cli' : 'another tool', revision: null }
    },
    prepareHistory: known => transaction.prepareHistory(known),
    setAside: names => setAside(connection, names),
    record: migration => transaction.record(migration),
  }
}
