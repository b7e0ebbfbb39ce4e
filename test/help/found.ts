import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { digest } from '../../src/migrations/files.ts'
import type { Left } from './power.ts'

/** A volume after something went wrong, as the next run finds it. */
export type Found = Readonly<{
  /** a digest of every object and row but the times in the history; `none` where nothing is in it */
  content: string
  applied: readonly string[]
  marker: string | undefined
  backups: Readonly<Record<string, string>>
  replaced: readonly string[]
}>

const scratch = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A folder in memory where there is room for one: a flush costs nothing there. It goes with the test. */
export const makeQuickFolder = (t: Pick<Test, 'teardown'>): string => {
  const folder = mkdtempSync(join(scratch, 'volume-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Opens a database as it was left, with its journals, on a copy. */
const readDatabase = (left: Left, path: string): Pick<Found, 'content' | 'applied'> => {
  const copy = join(scratch, `power-${process.pid}.db`)
  const files = ['', '-wal', '-journal'].map(suffix => ({ to: copy + suffix, bytes: left.get(path + suffix) }))
  for (const { to, bytes } of files) if (bytes !== undefined) writeFileSync(to, bytes)
  const connection = new Database(copy)
  try {
    connection.pragma('synchronous = OFF')
    if (connection.pragma('integrity_check', { simple: true }) !== 'ok') return { content: 'damaged', applied: [] }
    const schema = connection
      .prepare<[], { name: string; type: string }>('SELECT type, name, sql FROM sqlite_schema')
      .all()
    if (schema.length === 0) return { content: 'none', applied: [] }
    const tables = schema
      .filter(({ type, name }) => type === 'table' && name !== 'SequelizeMeta')
      .map(({ name }) => name)
    const rows = tables.map(name => connection.prepare(`SELECT * FROM "${name}"`).raw().all())
    const hasHistory = schema.some(({ name }) => name === 'SequelizeMeta')
    const history = hasHistory ? connection.prepare('SELECT name FROM SequelizeMeta ORDER BY name').pluck().all() : []
    return { content: digest(JSON.stringify([schema, rows, history])), applied: history.map(String) }
  } catch (error) {
    return { content: `damaged: ${error}`, applied: [] }
  } finally {
    connection.close()
    for (const suffix of ['', '-wal', '-journal', '-shm']) rmSync(copy + suffix, { force: true })
  }
}

/** Looks at the files of a volume, `data/homelab.db` among them, without touching them. */
export const readVolume = (left: Left): Found => {
  const database = 'data/homelab.db'
  const marker = [...left].find(([path]) => basename(path) === '.ready')?.[1]
  const backups = [...left.keys()].filter(path => /^data\/backups\/[^/]+Z\.db$/.test(path))
  const replaced = [...left.keys()].filter(path => /\.replaced-[^/]+Z$/.test(path))
  return {
    ...(left.has(database) ? readDatabase(left, database) : { content: 'none', applied: [] }),
    marker: marker?.toString(),
    backups: Object.fromEntries(backups.map(path => [basename(path), readDatabase(left, path).content])),
    replaced: replaced.map(path => readDatabase(left, path).content),
  }
}

/** The files below a folder, without SQLite's shared memory. */
export const filesOf = (folder: string): Left =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && !entry.name.endsWith('-shm'))
      .map(({ parentPath, name }) => join(parentPath, name))
      .map(file => [relative(folder, file), readFileSync(file)]),
  )

/** Whether a marker is one, and says what is applied. */
export const isTrueMarker = (marker: string, applied: readonly string[]): boolean => {
  const said = marker.startsWith('{') && marker.endsWith('}\n') ? JSON.parse(marker) : {}
  return applied.length > 0 && said.schema === applied.at(-1) && said.migrations === applied.length
}
