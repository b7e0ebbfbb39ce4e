/** Plain Sequelize on the real `sqlite3` package, for the long forms: it is compiled into a folder of the machine once, outside of the project. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Sequelize, type Transaction } from 'sequelize'
import type { Action } from './play/story.ts'
import type { Played } from './play.ts'
import { expectedOf, makeSql } from './world.ts'

const version = '5.1.7'

/** The package; throws where it cannot be compiled. */
export const loadSqlite3 = (): object => {
  const folder = join(tmpdir(), `homelab-migrator-sqlite3-${version}`)
  const require = createRequire(join(folder, 'package.json'))
  if (!existsSync(join(folder, 'node_modules/sqlite3/build'))) {
    mkdirSync(folder, { recursive: true })
    // headers of Node that are there need no download
    const headers = existsSync('/usr/include/node/node_api.h') ? { npm_config_nodedir: '/usr' } : {}
    const words = ['install', '--no-audit', '--no-fund', '--no-save', '--prefix', folder, `sqlite3@${version}`]
    const { status, stderr } = spawnSync('npm', words, { encoding: 'utf8', env: { ...process.env, ...headers } })
    if (status !== 0) throw new Error(`npm ${words.join(' ')} exited ${status}: ${stderr}`)
  }
  return require('sqlite3')
}

/** Whether plain Sequelize does rightly what the case says: then what it leaves has to be what the model says. */
export const isPlain = ({ migrations, fails, isUnsure }: Played): boolean =>
  !isUnsure &&
  (fails === undefined || /are gone$/.test(fails)) &&
  migrations.every(({ actions }) => actions.every(({ plain }) => plain))

/** Runs the case on plain Sequelize. @throws Error where that leaves something else than the model says */
export const runPlainly = async (sqlite3: object, file: string, played: Played): Promise<void> => {
  const maker = new Database(file)
  maker.pragma('foreign_keys = off')
  for (const sql of makeSql(played.start)) maker.exec(sql)
  maker.close()
  const options = {
    dialect: 'sqlite',
    storage: file,
    logging: false,
    dialectModule: sqlite3,
    foreignKeys: false,
  } as const
  const sequelize = new Sequelize(options)
  try {
    const on = { schema: sequelize.getQueryInterface(), transactions: new Map<number, Transaction>() }
    for (const { actions } of played.migrations) for (const action of actions) await runOne(action, on)
  } finally {
    await sequelize.close()
  }
  const reader = new Database(file, { readonly: true })
  for (const { what, sql, rows } of expectedOf(played.end)) {
    const are = reader.prepare<[], string>(sql).pluck().all().map(String).toSorted()
    if (are.join('\n') !== rows.join('\n'))
      throw new Error(`plain Sequelize: ${what} has\n${are.join('\n')}\ninstead of\n${rows.join('\n')}`)
  }
  reader.close()
  rmSync(file)
}

const runOne = async ({ told, fails, run }: Action, on: Parameters<Action['run']>[0]): Promise<void> => {
  const error = await run(on).then(
    () => undefined,
    (reason: unknown) => reason ?? 'nothing',
  )
  if ((error !== undefined) !== fails) throw new Error(`plain Sequelize: ${told}: ${error}`)
}
