// This file is about schemas of any engine; the Finding is SQLite's.
import type { Context } from '../context.ts'
import { Failure, must } from '../failure.ts'
import { type AppliedMigration, adoptedBy } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { headOf, isFromOtherTool, makePlan, refuseConflicts } from '../migrations/plan.ts'
import { namesHint } from '../named.ts'
import type { Finding } from '../sqlite/schema/compare.ts'
import { beforeNextMade, type Comparison, matchPrefix } from './match.ts'

/** What `adopt --json` prints, documented in docs/commands/adopt.md. Fields are added, never changed. */
export type Adoption = Readonly<{
  database: string
  /** the tool that made it; null for a database that needs no adopting */
  tool: Origin['tool'] | null
  revision: string | null
  /** the migration it is at; the nearest one when it was refused */
  schema: string | null
  /** the migrations recorded as applied */
  recorded: readonly string[]
  findings: readonly Finding[]
}>

/** The tool that made a database, as far as that tool's own records tell. */
export type Origin = Readonly<{
  tool: 'Alembic' | 'sequelize-cli' | 'another tool'
  /** of Alembic, which may record several; null if it has none, and for other tools */
  revision: string | null
}>

/** For people and for the history: `Alembic 2e6e20f4bc94`. */
export const originText = ({ tool, revision }: Origin): string => (revision === null ? tool : `${tool} ${revision}`)

/** What adopting asks of a database and does to it, on either engine. */
export type Adoptable<S> = Readonly<{
  history: readonly AppliedMigration[]
  hasHistory: boolean
  found: S
  comparison: Comparison<S>
  origin: (hasForeignRows: boolean) => Promise<Origin>
  prepareHistory: (known: readonly MigrationFile[]) => Promise<unknown>
  setAside: (names: readonly string[]) => Promise<unknown>
  record: (migration: AppliedMigration) => Promise<unknown>
}>

/** Decides and records. @param structures the schema after each of the known migrations */
export const takeOver = async <S>(
  { config, version }: Context,
  subject: Adoptable<S>,
  known: readonly MigrationFile[],
  structures: readonly S[],
  named: MigrationFile | undefined,
): Promise<Adoption & Readonly<{ next: string }>> => {
  const { database } = config
  const { history, found, comparison } = subject
  const { nothing, tablesOf, isNamed } = comparison
  const hasAny = (tables: readonly string[]): boolean => tables.some(table => isNamed(found, table))
  const foreign = history.filter(migration => isFromOtherTool(migration, known)).map(({ name }) => name)
  const { pending, conflicts } = makePlan(known, history)
  refuseConflicts(
    conflicts.filter(({ name }) => !foreign.includes(name)),
    database,
  )
  const applied = known.length - pending.length
  const given = named === undefined ? undefined : known.indexOf(named) + 1
  if (given !== undefined && given < applied)
    throw new Failure(
      'CONFIG_INVALID',
      `${database} is already past ${named?.name}: it is at ${headOf(history)}`,
      namesHint,
    )
  const before = structures[applied - 1] ?? nothing
  const later = tablesOf(must(structures.at(-1))).filter(table => !isNamed(before, table))
  const isAhead = given !== undefined ? given > applied : hasAny(later)
  if (subject.hasHistory && foreign.length === 0 && !isAhead)
    return { database, tool: null, revision: null, schema: lastOf(history), recorded: [], findings: [], next: up }
  if (tablesOf(found).length === 0) throw nothingThere(database)
  const origin = await subject.origin(foreign.length > 0)
  const isOfMigrations = structures.some(structure => hasAny(tablesOf(structure)))
  const compareAt = (length: number) => ({
    length,
    findings: comparison.compare(structures[length - 1] ?? nothing, found),
  })
  const { length, findings } =
    given === undefined && isOfMigrations
      ? matchPrefix(structures, found, applied, comparison)
      : compareAt(given ?? applied)
  const prefix = known.slice(0, length)
  const missing = prefix.filter(migration => pending.includes(migration))
  const until = known[beforeNextMade(structures, found, length, comparison) ?? -1]
  const next = until === undefined ? up : `\`migrator up --to ${until.name}\`, then \`migrator adopt\` again`
  const adoption = { database, ...origin, schema: lastOf(prefix), findings, next }
  if (!isAdopted(adoption, named)) return { ...adoption, recorded: [] }

  await subject.prepareHistory(known)
  await subject.setAside(foreign)
  const now = new Date().toISOString()
  const migrator = adoptedBy(version, originText(origin))
  for (const { name, checksum } of missing)
    await subject.record({ name, checksum, applied_at: now, duration_ms: null, migrator })
  return { ...adoption, recorded: missing.map(({ name }) => name) }
}

const up = '`migrator up`'

/** Whether it was, or is to be, recorded: it needs to be, and nothing differs or a person knows where it is. */
export const isAdopted = (
  { tool, findings }: Pick<Adoption, 'tool' | 'findings'>,
  named: MigrationFile | undefined,
): boolean => tool !== null && (named !== undefined || !findings.some(isDifference))

export const isDifference = ({ weight }: Finding): boolean => weight === 'difference'

const lastOf = (migrations: readonly Readonly<{ name: string }>[]): string | null => migrations.at(-1)?.name ?? null

/** The Failure for a database without a table. */
export const nothingThere = (database: string): Failure =>
  new Failure(
    'CONFIG_INVALID',
    `there is nothing to adopt in ${database}`,
    'Run `migrator up`, which makes the tables.',
  )
