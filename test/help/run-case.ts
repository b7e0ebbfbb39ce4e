/** Runs a case of play.ts as `up` does, in this process, and holds what is there at the end against what the model says. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { QueryInterface, Transaction } from 'sequelize'
import { up } from '../../src/commands/up.ts'
import { Failure } from '../../src/failure.ts'
import { bystanders, isBystander, isCrowded } from './bystanders.ts'
import { makeContext, withEngine } from './context.ts'
import { isPlain, runPlainly } from './plain.ts'
import type { Case } from './play/cases.ts'
import type { Action } from './play/story.ts'
import { type Played, play } from './play.ts'
import { dump } from './program.ts'
import './use-uri.ts'
import { expectedOf, makeSql } from './world.ts'

/** Sequelize warns of each transaction that it gives up. */
console.warn = () => undefined

/** The migrations in the folders: they do what the case says. */
const running: { actions: readonly Action[]; removesRows: string[] }[] = [
  { actions: [], removesRows: [] },
  { actions: [], removesRows: [] },
]
const wrong: string[] = []
const runActions = async (index: number, schema: QueryInterface): Promise<void> => {
  const on = { schema, transactions: new Map<number, Transaction>() }
  for (const { told, fails, caught, run } of running[index]?.actions ?? []) {
    const error = await run(on).then(
      () => undefined,
      (reason: unknown) => reason ?? 'nothing',
    )
    if (fails && error === undefined) wrong.push(`not refused: ${told}`)
    if (error !== undefined && !caught) throw error
  }
}
Object.assign(globalThis, { wholeLine: { running, runActions } })

/**
 * @param root an empty folder
 * @param sqlite3 the package, to run the same on plain Sequelize; undefined to leave that out
 */
export const createRunner = async (root: string, sqlite3?: object) => {
  const folders = [1, 2].map(count => {
    const folder = join(root, `migrations-${count}`)
    mkdirSync(folder)
    writeFileSync(join(folder, '0001-begin.mjs'), 'export const up = async () => undefined\n')
    for (let index = 0; index < count; index += 1)
      writeFileSync(
        join(folder, `000${index + 2}-go.mjs`),
        `export const up = async ({ context }) => globalThis.wholeLine.runActions(${index}, context)
export const removesRows = globalThis.wholeLine.running[${index}].removesRows\n`,
      )
    return folder
  })
  const settings = { MIGRATOR_REQUIRE_MOUNT: 'never', MIGRATOR_CHECK: 'never', MIGRATOR_BACKUP: 'never' }
  const begun = join(root, 'begun')
  mkdirSync(begun)
  const shared = await makeContext(begun, { ...settings, MIGRATOR_MIGRATIONS: folders[0] ?? '' })
  await up(shared, '0001-begin')
  const seen = { ready: 0, failed: 0, unsure: 0, plain: 0 }
  const reasons = new Map<string, number>()
  let number = 0

  const property = async (test: Case): Promise<void> => {
    number += 1
    const played = play(test)
    const folder = join(root, String(number))
    mkdirSync(folder)
    const file = join(folder, 'homelab.db')
    copyFileSync(join(begun, 'homelab.db'), file)
    const maker = new Database(file)
    maker.pragma('synchronous = off')
    maker.pragma(`journal_mode = ${test.mode === 'wal' ? 'wal' : 'delete'}`)
    maker.pragma('foreign_keys = off')
    maker.exec('BEGIN')
    for (const sql of makeSql(played.start)) maker.exec(sql)
    if (isCrowded(test)) maker.exec(bystanders)
    maker.exec('COMMIT')
    maker.close()
    const readyFile = join(folder, '.ready')
    const context = withEngine({
      ...shared,
      config: {
        ...shared.config,
        ...{ database: file, volume: folder, readyFile, migrations: folders[test.migrations.length - 1] ?? '' },
        backup: test.mode === 'backup' ? 'auto' : 'never',
      },
    })
    if (test.ready === 0) await up(context, '0001-begin')
    const before = [dump(file), existsSync(readyFile) ? readFileSync(readyFile, 'utf8') : undefined]
    wrong.length = 0
    for (const [index, one] of running.entries()) {
      one.actions = played.migrations[index]?.actions ?? []
      one.removesRows.splice(0, one.removesRows.length, ...(played.migrations[index]?.removesRows ?? []))
    }
    const error = await up(context, undefined).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    seen[error === undefined ? 'ready' : 'failed'] += 1
    if (played.isUnsure && played.fails === undefined) seen.unsure += 1
    if (played.fails !== undefined) {
      const why = played.fails
        .replace(/^\d+: /, '')
        .replace(/^(?!rows|SQLite)(\S+).*? fails$/s, '$1 fails')
        .replace(/of .* are/, 'are')
      reasons.set(why, (reasons.get(why) ?? 0) + 1)
    }
    const told = (what: string): Error => new Error(`${what}\n${tell(played, error)}`)
    const codes = played.fails?.endsWith('the history') ? [40, 50] : [40]
    if (error !== undefined && !(error instanceof Failure && codes.includes(error.exitCode)))
      throw told('another code than 0 and 40')
    if (wrong.length > 0) throw told(wrong.join())
    if (error !== undefined) {
      const after = [dump(file), existsSync(readyFile) ? readFileSync(readyFile, 'utf8') : undefined]
      if (after.join() !== before.join()) throw told('it failed and changed something')
      if (played.fails === undefined && !played.isUnsure) throw told('it has to succeed')
    } else {
      if (played.fails !== undefined && !played.isUnsure) throw told('it has to fail')
      const reader = new Database(file, { readonly: true })
      for (const { what, sql, rows } of expectedOf(played.end)) {
        const found = reader.prepare<[], string>(sql).pluck().all().map(String)
        const are = found.filter(text => !isBystander(text)).toSorted()
        if (played.fails === undefined && are.join('\n') !== rows.join('\n'))
          throw told(`${what} has\n${are.join('\n')}\ninstead of\n${rows.join('\n')}`)
      }
      reader.close()
      if (!existsSync(readyFile)) throw told('there is no marker')
    }
    if (sqlite3 !== undefined && isPlain(played)) {
      seen.plain += 1
      await runPlainly(sqlite3, join(folder, 'plain.db'), played).catch(reason => {
        throw told(String(reason))
      })
    }
    rmSync(folder, { recursive: true })
  }
  return { property, seen, reasons, count: () => number }
}

const tell = ({ start, migrations, fails, isUnsure }: Played, error: unknown): string =>
  [
    ...makeSql(start).map(sql => `${sql};`),
    ...migrations.flatMap(({ actions, removesRows }, index) => [
      `-- migration ${index + 1}${removesRows.length === 0 ? '' : `, removes rows of ${removesRows}`}`,
      ...actions.map(
        ({ told, fails, caught }) => `${told}${fails ? (caught ? '   -- fails, caught' : '   -- fails') : ''}`,
      ),
    ]),
    `the model: ${fails ?? (isUnsure ? 'unsure' : 'succeeds')}; the run: ${error === undefined ? 'succeeded' : `${String(error)}\n${process.env.STACK ? String((error as { cause?: { stack?: string } }).cause?.stack) : ''}`}`,
  ].join('\n')
