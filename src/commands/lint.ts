import type { Context } from '../context.ts'
import { Failure, must } from '../failure.ts'
import { toAnnotation, toSarif } from '../lint/formats.ts'
import { lint as lintMigrations } from '../lint/lint.ts'
import { type Reported, report, reportLines } from '../lint/rules.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { idleLimit } from '../migrations/run.ts'
import { migrationMeant } from '../named.ts'
import { dialectOf } from '../on-server/history.ts'
import { formatThings } from '../text.ts'

/** What `lint --json` prints, documented in docs/commands/lint.md. Fields are added, never changed. */
type Lint = Readonly<{
  migrations: readonly Readonly<{ name: string; findings: readonly Reported[] }>[]
  errors: number
  warnings: number
}>

/** For people; all of it; lines that GitHub Actions shows beside the code; the format of code scanning tools. */
const lintFormats = ['text', 'json', 'github', 'sarif'] as const
export type LintFormat = (typeof lintFormats)[number]

/**
 * Runs the migrations in memory, or in an empty schema of a server, and reports what is wrong or dangerous in what they did.
 * @param names the migrations to report on; all if empty
 * @throws Failure CONFIG_INVALID if it finds an error, a name is unknown, or a file cannot be loaded
 */
export const lint = async (context: Context, names: readonly string[], format: LintFormat): Promise<void> => {
  const { config, engine, print, signal, version } = context
  const texts = readMigrationFiles(config.migrations, dialectOf(engine))
  const wanted = names.map(name => migrationMeant(name, texts, config.migrations).name)
  const isWanted = ({ name }: Readonly<{ name: string }>) => wanted.length === 0 || wanted.includes(name)
  // a migration needs those before it to run, not those after it
  const needed = texts.slice(0, texts.findLastIndex(isWanted) + 1)
  const linted =
    engine.server === undefined
      ? await lintMigrations(needed, { version, signal, idleLimit })
      : await (await import('../lint/lint-on-server.ts')).lintOnServer(context, needed)
  const migrations = linted.filter(isWanted).map(({ name, findings }) => ({ name, findings: findings.map(report) }))
  const all = migrations.flatMap(({ findings }) => findings)
  const errors = all.filter(({ level }) => level === 'error').length
  const found: Lint = { migrations, errors, warnings: all.length - errors }
  const files = new Map(texts.map(({ name, file }) => [name, file]))
  const placed = migrations.flatMap(({ name, findings }) =>
    findings.map(({ place, ...finding }) => ({ ...finding, place: place ?? { file: must(files.get(name)) } })),
  )
  const output: Readonly<Record<LintFormat, () => string>> = {
    text: () => toText(found),
    json: () => `${JSON.stringify(found)}\n`,
    github: () => placed.map(toAnnotation).join(''),
    sarif: () => `${JSON.stringify(toSarif(placed, version))}\n`,
  }
  print(output[format]())
  if (errors === 0) return
  const where = migrations.filter(({ findings }) => findings.some(({ level }) => level === 'error'))
  throw new Failure(
    'CONFIG_INVALID',
    `lint found ${formatThings(errors, 'error')} in ${where.map(({ name }) => name).join(', ')}`,
    'Fix them, or say in the file why it is right: // lint-ok CODE: reason.',
  )
}

const toText = ({ migrations, errors, warnings }: Lint): string => {
  const lines = migrations
    .filter(({ findings }) => findings.length > 0)
    .flatMap(({ name, findings }) => [name, ...reportLines(findings)])
  const sum = `${formatThings(errors, 'error')}, ${formatThings(warnings, 'warning')} in ${formatThings(migrations.length, 'migration')}`
  return `${[...lines, sum].join('\n')}\n`
}
