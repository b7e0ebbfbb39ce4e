import Database from 'better-sqlite3'
import { runPlain } from '../engine.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { applyMigrations, idleLimit } from '../migrations/run.ts'
import { compareSchemas, type Finding } from '../sqlite/schema/compare.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { migratableOn } from '../sqlite/transaction.ts'

/**
 * What the migrations make of an empty database, in memory: the structure after each of them. Nothing is read from the
 * volume, and nothing written.
 * @param version of this program
 * @param signal stops the migration that runs
 * @throws Failure MIGRATION_FAILED naming the migration that fails on an empty database; the signal's reason
 */
export const expectedSchemas = async (
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
): Promise<readonly Schema[]> => {
  const connection = new Database(':memory:')
  const options = { version, signal, idleLimit, onProgress: () => undefined, hook: runPlain }
  const structures: Schema[] = []
  try {
    // as around `up`; it ends with the database, which nobody else has
    connection.exec('PRAGMA foreign_keys = OFF; BEGIN')
    for (const { name } of migrations) {
      const upTo = migrations.filter(migration => migration.name <= name)
      await applyMigrations(migratableOn(connection), upTo, options)
      structures.push(readAppSchema(connection))
    }
    return structures
  } finally {
    connection.close()
  }
}

export type Match = Readonly<{
  /** how many migrations lead there */
  length: number
  /** what is other than they make it; it is a match when none is a difference */
  findings: readonly Finding[]
}>

/**
 * How many of the migrations have made a structure that another tool made. A pure function.
 *
 * Of several matches it is the one with the fewest additional objects (what a migration takes away is still there before it), and
 * of those the shortest: the rest are migrations that change rows alone, which nobody has run here. What a later migration
 * makes is no additional object, though: that migration would find its place taken. Without a match it is the nearest.
 * @param structures after each migration, as expectedStructures gives them: at least one
 * @param least how many are applied for certain
 */
export const matchPrefix = (structures: readonly Schema[], found: Schema, least: number): Match => {
  const matches = structures
    .map((expected, index) => {
      const later = structures.slice(index + 1).flatMap(structure => additionsOf(expected, structure))
      const findings = compareSchemas(expected, found, { adopted: true })
      return { length: index + 1, findings: findings.map(finding => refuseLater(finding, later)) }
    })
    .filter(({ length }) => length >= least)
  return matches.reduce((best, match) => (isNearer(match, best) ? match : best))
}

const additionsOf = (before: Schema, after: Schema): readonly string[] =>
  compareSchemas(before, after, { adopted: true })
    .filter(({ what }) => what === 'extra')
    .map(({ object }) => object)

const refuseLater = (finding: Finding, later: readonly string[]): Finding =>
  finding.what === 'extra' && later.includes(finding.object) ? { ...finding, weight: 'difference' } : finding

/** Whole tables count for more than what is in them, so that the nearest is the one with the same tables. */
const isNearer = (a: Match, b: Match): boolean => {
  const [first = 0] = [misplacedTables, differences, additions].map(count => count(a) - count(b)).filter(Boolean)
  return first < 0
}

const differences = ({ findings }: Match): number => findings.filter(({ weight }) => weight === 'difference').length
const additions = ({ findings }: Match): number => findings.filter(({ what }) => what === 'extra').length
const misplacedTables = ({ findings }: Match): number =>
  findings.filter(
    ({ weight, object, what }) =>
      weight === 'difference' && object.startsWith('table ') && /^(?:missing|extra)$/.test(what),
  ).length
