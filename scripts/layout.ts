/**
 * `npm run layout`: the rooms of src in numbers, and whether the rules of CONTRIBUTING.md's map hold: imports go one way, the heart
 * knows no SQLite, and it can be read in half an hour.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const src = join(import.meta.dirname, '../src')

/** Lines that a stranger reads in half an hour. */
export const ceiling = 2500

/** They stand for modules of Node that take long to load: any room may import them. */
const ofNode = ['fs', 'clock', 'sha256']

const base = [
  'failure',
  'small-file',
  'events',
  'log',
  'listed',
  'text',
  'server',
  'config',
  'volume',
  'history',
  'engine',
  'context',
]
const heart = ['migrations', 'backup', 'ready']

/** What each room may import besides itself; a file right in src is a room of its own. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  failure: [],
  fs: [],
  clock: [],
  sha256: [],
  process: ['failure'],
  events: ['log'],
  log: ['failure', 'events'],
  listed: [],
  text: ['failure', 'events', 'log', 'listed'],
  'small-file': ['failure'],
  dotenv: ['failure', 'small-file'],
  'sql-file': ['failure', 'text'],
  where: ['failure', 'text'],
  modules: [],
  umzug: [],
  server: ['failure', 'small-file'],
  config: ['failure', 'log', 'text', 'dotenv', 'server'],
  volume: ['failure', 'small-file', 'log', 'text', 'config'],
  history: ['failure'],
  engine: ['history'],
  context: ['failure', 'log', 'config', 'volume', 'engine'],
  migrations: [...base, 'sql-file', 'where', 'modules', 'umzug'],
  backup: [...base, 'migrations'],
  ready: [...base, 'migrations', 'backup'],
  sqlite: [...base.filter(room => room !== 'context'), 'sql-file'],
  postgres: [...base.filter(room => room !== 'context'), 'sql-file'],
  metrics: [...base, ...heart],
  'on-server': [...base, ...heart, 'named', 'postgres'],
  verify: [...base, ...heart, 'named', 'on-server', 'sqlite', 'postgres', 'umzug'],
  'dry-run': [...base, ...heart, 'on-server', 'sqlite', 'postgres', 'where'],
  lint: [...base, ...heart, 'on-server', 'sqlite', 'postgres', 'verify', 'dry-run', 'where', 'modules', 'umzug'],
  named: [...base, 'text', 'migrations'],
  leftovers: [...base, 'backup', 'ready'],
  draw: [...base, 'sqlite', 'postgres'],
  hub: [...base, ...heart, 'sqlite', 'postgres'],
  diff: [...base, ...heart, 'on-server', 'sqlite', 'postgres', 'verify', 'modules', 'where', 'hub'],
  copy: [...base, ...heart, 'on-server', 'sqlite', 'postgres', 'verify'],
  commands: [
    ...base,
    ...heart,
    'leftovers',
    'named',
    'metrics',
    'on-server',
    'sqlite',
    'postgres',
    'verify',
    'dry-run',
    'lint',
    'draw',
    'diff',
    'copy',
  ],
  cli: ['failure', 'log', 'config', 'context', 'commands'],
  surroundings: [...base, 'commands', 'sqlite', 'postgres'],
  program: [...base, 'commands', 'cli', 'surroundings'],
  library: [...base, 'lint', 'modules', 'commands', 'surroundings'],
  main: ['process', 'program'],
}

type SourceFile = Readonly<{ file: string; room: string; text: string; imports: readonly string[] }>

const roomOf = (file: string): string => file.replace(/(?:\/.*|\.ts)$/, '')

export const files: readonly SourceFile[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .map(file => {
    const text = readFileSync(join(src, file), 'utf8')
    const paths = [...text.matchAll(/(?:from |import\(|import )'(\.[^']+)'/g)].map(([, path = '']) => path)
    return { file, room: roomOf(file), text, imports: paths.map(path => relative(src, join(src, dirname(file), path))) }
  })
  .sort((a, b) => (a.file < b.file ? -1 : 1))

/** Read in this order: the order in which data flows. */
export const readingList = [
  'main.ts',
  'program.ts',
  'commands/up.ts',
  'engine.ts',
  'history.ts',
  'ready/lost.ts',
  'ready/readiness.ts',
  'ready/marker.ts',
  'ready/bring-up.ts',
  'migrations/files.ts',
  'migrations/plan.ts',
  'backup/protect.ts',
  'backup/make.ts',
  'backup/backups.ts',
  'migrations/load.ts',
  'migrations/run.ts',
  'migrations/guard.ts',
  'migrations/blame.ts',
  'migrations/left-running.ts',
]

const linesOf = ({ text }: SourceFile): number => text.split('\n').length - 1
const isHeart = ({ file, room }: SourceFile): boolean => heart.includes(room) || readingList.includes(file)

export const heartLines = files.filter(isHeart).reduce((sum, file) => sum + linesOf(file), 0)

/** Each list is of what breaks a rule. */
export const offenders = (): Readonly<Record<string, readonly string[]>> => ({
  'rooms that the map does not know': [...new Set(files.map(({ room }) => room))].filter(room => !(room in mayImport)),
  'imports against the order': files.flatMap(({ file, room, imports }) =>
    imports
      .filter(path => ![room, ...ofNode, ...(mayImport[room] ?? [])].includes(roomOf(path)))
      .map(path => `${file} imports ${path}`),
  ),
  'circles of files': files.filter(({ file }) => reaches(file, file)).map(({ file }) => file),
  'SQLite outside its rooms': files
    .filter(
      ({ room, text }) =>
        room !== 'sqlite' && /better-sqlite3|\bpragma(?:\b|_)/i.test(text) && !/^\/\/ .*about SQLite/.test(text),
    )
    .map(({ file }) => file),
  'PostgreSQL outside its room': files
    .filter(({ room, text }) => room !== 'postgres' && /from 'pg'/.test(text))
    .map(({ file }) => file),
  // program.ts chooses the engine
  'the heart imports an engine': files.flatMap(file =>
    isHeart(file) && file.file !== 'program.ts'
      ? file.imports
          .filter(path => ['sqlite', 'postgres'].includes(roomOf(path)))
          .map(path => `${file.file} imports ${path}`)
      : [],
  ),
  'files of the heart that are not on the reading list': files
    .filter(file => isHeart(file) && !readingList.includes(file.file))
    .map(({ file }) => file),
})

/** Whether imports lead from a file to another, over any number of files; what is imported only for its types does not count. */
const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
  valueImports(from).some(next => {
    if (next === to) return true
    if (seen.has(next)) return false
    seen.add(next)
    return reaches(next, to, seen)
  })

const valueImports = (file: string): readonly string[] => {
  const text = files.find(candidate => candidate.file === file)?.text ?? ''
  return [...text.matchAll(/^import (?!type )[^']*'(\.[^']+)'/gm)].map(([, path = '']) =>
    relative(src, join(src, dirname(file), path)),
  )
}

const table = (): readonly string[] => {
  const rooms = [...new Set(files.map(({ file, room }) => (file.includes('/') ? room : '(src)')))]
  const row = (cells: readonly (string | number)[]): string =>
    cells.map((cell, column) => (column === 0 ? String(cell).padEnd(12) : String(cell).padStart(9))).join('')
  return [
    row(['room', 'files', 'lines', 'longest', 'imports', 'imported']),
    ...rooms.map(name => {
      const own = files.filter(({ file, room }) => (file.includes('/') ? room : '(src)') === name)
      const isOwn = (path: string): boolean => own.some(({ file }) => file === path)
      const out = own.flatMap(({ imports }) => imports).filter(path => !isOwn(path))
      const into = files.filter(({ file }) => !isOwn(file)).flatMap(({ imports }) => imports.filter(isOwn))
      const lines = own.map(linesOf)
      return row([name, own.length, lines.reduce((a, b) => a + b, 0), Math.max(...lines), out.length, into.length])
    }),
  ]
}

if (import.meta.main) {
  const all = files.reduce((sum, file) => sum + linesOf(file), 0)
  console.log(
    [...table(), '', `${files.length} files, ${all} lines; the heart ${heartLines} of at most ${ceiling}`].join('\n'),
  )
  const broken = Object.entries(offenders()).filter(([, list]) => list.length > 0)
  for (const [rule, list] of broken) console.error(`\n${rule}:\n  ${list.join('\n  ')}`)
  if (broken.length > 0 || heartLines > ceiling) process.exitCode = 1
}
