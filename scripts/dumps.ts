/**
 * Makes test/dumps: the same hub as other migration tools make it, for the tests of `adopt`. Each tool is installed in a temporary
 * folder and runs a project of its own (scripts/dumps); what it leaves in hub.db is written as SQL, below a line that says which
 * version made it, and where that is from.
 *
 *     npm run dumps -- [TOOL...]
 *
 * A tool that cannot be had is told with the reason, and its dump stays as it was. Flyway, which no registry has, and tools of Go where
 * there is no Go, are taken from the PATH. Those of the dumps that are here were built from their sources.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { type Project, projects } from './dumps/projects.ts'

const out = join(import.meta.dirname, '../test/dumps')
const chosen = process.argv.slice(2)

type Run = Readonly<{ folder: string; env: NodeJS.ProcessEnv }>

/** @returns what it printed @throws Error with the last of what it printed, if it fails */
const run = ({ folder, env }: Run, [command, ...words]: readonly [string, ...string[]]): string => {
  const { error, status, stdout, stderr } = spawnSync(command, words, { cwd: folder, env, encoding: 'utf8' })
  if (error !== undefined) throw new Error(`${command}: ${error.message}`)
  if (status !== 0)
    throw new Error(`${[command, ...words].join(' ')} exited ${status}: ${`${stdout}${stderr}`.trim().slice(-2000)}`)
  return `${stdout}${stderr}`.trim()
}

const has = (command: string): boolean => spawnSync('which', [command]).status === 0

/** The environment in which a tool's commands are found, and where it is from. */
type Installed = Readonly<{ env: NodeJS.ProcessEnv; source: string }>

/** Installs a tool below the folder. */
const install = ({ from, commands }: Project, folder: string): Installed => {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const before = (path: string, rest = {}) => ({ ...env, PATH: `${path}${delimiter}${env.PATH}`, ...rest })
  const here = { folder, env }
  const { npm, pip, debian = [], go, tags = '' } = from
  if (npm !== undefined) {
    // the better-sqlite3 that has its binaries in the package
    const overrides = { '@prisma/adapter-better-sqlite3': { 'better-sqlite3': '13' } }
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, overrides }))
    const options = ['--no-audit', '--no-fund', '--force', '--ignore-scripts', '--loglevel=error']
    run(here, ['npm', 'install', ...options, ...npm])
    return { env: before(join(folder, 'node_modules/.bin')), source: 'from npm' }
  }
  if (pip !== undefined) {
    try {
      run(here, ['python3', '-m', 'venv', 'venv'])
      run(here, ['venv/bin/pip', 'install', '--quiet', '--retries=0', ...pip])
      return { env: before(join(folder, 'venv/bin')), source: 'from PyPI' }
    } catch {
      // where PyPI cannot be reached, Debian's packages, unpacked here, for Debian's own Python
      run(here, ['apt-get', 'download', '-qq', ...debian])
      run(here, [
        'sh',
        '-c',
        'for package in *.deb; do dpkg -x "$package" debian; done; mkdir bin; ln -s /usr/bin/python3 bin/',
      ])
      const PYTHONPATH = join(folder, 'debian/usr/lib/python3/dist-packages')
      return { env: before(join(folder, 'bin'), { PYTHONPATH }), source: 'from Debian' }
    }
  }
  const [[command]] = commands as Project['commands'] & readonly [readonly [string]]
  if (go === undefined || has(command)) return { env, source: 'found on the PATH' }
  run({ folder, env: { ...env, GOBIN: join(folder, 'bin') } }, ['go', 'install', '-tags', tags, go])
  return { env: before(join(folder, 'bin')), source: 'built by Go' }
}

const literal = (value: unknown): string => {
  if (value === null) return 'NULL'
  if (Buffer.isBuffer(value)) return `x'${value.toString('hex')}'`
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}

/** Every object as it was made, and the rows that the tool keeps for itself. */
const dump = (file: string): string => {
  const connection = new Database(file, { readonly: true })
  const objects = connection
    .prepare<[], { type: string; name: string; sql: string }>(
      "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY rowid",
    )
    .all()
  const rows = objects
    .filter(({ type }) => type === 'table')
    .flatMap(({ name }) => {
      const quoted = `"${name.replaceAll('"', '""')}"`
      const values = connection.prepare<[], unknown[]>(`SELECT * FROM ${quoted}`).raw().safeIntegers().all()
      return values.map(row => `INSERT INTO ${quoted} VALUES (${row.map(literal).join(', ')});`)
    })
  connection.close()
  return [...objects.map(({ sql }) => `${sql};`), ...rows].join('\n')
}

const packageOf = ({ from: { npm: [name = ''] = [] } }: Project, folder: string): string =>
  JSON.parse(readFileSync(join(folder, 'node_modules', name.replace(/(?!^)@.*$/, ''), 'package.json'), 'utf8')).version

const make = (project: Project): void => {
  const { tool, files, commands, version } = project
  const folder = mkdtempSync(join(tmpdir(), `dump-${tool}-`))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const { env, source } = install(project, folder)
    const here = { folder, env }
    for (const command of commands) run(here, command)
    const text = version === undefined ? packageOf(project, folder) : run(here, version)
    const told = /\d+(?:\.\d+)+/.exec(text)?.[0] ?? 'of an unknown version'
    writeFileSync(
      join(out, `${tool}.sql`),
      `-- ${tool} ${told}, ${source}, by npm run dumps\n${dump(join(folder, 'hub.db'))}\n`,
    )
    console.log(`${tool} ${told}`)
  } catch (error) {
    process.exitCode = 1
    console.error(`${tool}: not made; ${error instanceof Error ? error.message : error}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

mkdirSync(out, { recursive: true })
for (const project of projects) if (chosen.length === 0 || chosen.includes(project.tool)) make(project)
