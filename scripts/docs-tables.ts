/** The parts of the documents that the code knows best, each under the name that its place in a document has. */
import { dirname, relative } from 'node:path'
import { cli, commandTable } from '../src/cli.ts'
import { type SettingName, settings } from '../src/config.ts'
import { events } from '../src/events.ts'
import { exitCodes } from '../src/failure.ts'
import { rules } from '../src/lint/rules.ts'
import { failureWords, type PathSetting, pathWords, settingWords } from './docs-words.ts'

/** Gives the text of a part, for the document at a path from the root of the project. */
export type Part = (document: string) => string

/** Every part by its name. Each has to stand in one document or more. */
export const readParts = async (): Promise<ReadonlyMap<string, Part>> => {
  const parts = new Map<string, Part>([
    ['commands', commandRows],
    ['settings', settingRows],
    ['exit codes', exitCodeRows],
    ['events', eventRows],
    ['lint rules', ruleRows],
  ])
  for (const { name } of commandTable) {
    const usage = await readUsage(name)
    parts.set(`usage of ${name}`, () => `\`\`\`text\n${usage}\`\`\`\n`)
  }
  return parts
}

/** .env.example: every setting with its default, to be uncommented. */
export const toEnvExample = (): string => {
  const lines = keysOf(settings).map(name => `# ${name}=${valuesOf(name).example}\n`)
  return [
    '# Copy to .env for runs outside Compose, and uncomment what is to differ: each line is the default.\n',
    '# docs/settings.md says what each means. Written by "npm run docs".\n',
    ...lines,
  ].join('')
}

/** The lines of a table; a `|` in a cell would end it. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
    .join('')

const code = (text: string): string => `\`${text}\``

const commandRows: Part = document => {
  const usages = relative(dirname(document), 'docs/commands.md')
  return table(
    ['command', 'what it does'],
    commandTable.map(({ name, description, argument = [], options }) => {
      const words = [name, ...options.map(({ flags }) => `[${flags}]`), ...argument.slice(0, 1)].join(' ')
      return [`[${code(words)}](${document === 'docs/commands.md' ? '' : usages}#${name})`, description]
    }),
  )
}

/** What --help prints, as wide as where it is piped to. */
const readUsage = async (name: string): Promise<string> => {
  const texts: string[] = []
  const screen = {
    terminal: false,
    columns: Number.POSITIVE_INFINITY,
    paint: (_: unknown, text: string) => text,
    show: (text: string) => text,
  }
  const opened = () => Promise.reject(new Error('--help runs no command'))
  await cli([name, '--help'], '', { print: text => texts.push(text), screen }, opened)
  return texts.join('')
}

const isPath = (name: SettingName): name is PathSetting => name in pathWords

/** What a setting may be, and what it is where nobody sets it: for people, and as an example. */
const valuesOf = (name: SettingName) => {
  if (isPath(name)) return pathWords[name]
  const row = settings[name]
  const values = 'words' in row ? row.words.map(code).join(', ') : `${row.least} to ${row.most} ${row.unit}`
  return { values, fallback: code(String(row.fallback)), example: String(row.fallback) }
}

const settingRows: Part = () =>
  table(
    ['name', 'default', 'values', 'meaning'],
    keysOf(settings).map(name => [code(name), valuesOf(name).fallback, valuesOf(name).values, settingWords[name]]),
  )

/** A row for each exit code, with the failures that end with it. */
const exitCodeRows: Part = () => {
  const byExitCode = Map.groupBy(keysOf(exitCodes), name => exitCodes[name])
  const rows = [...byExitCode].map(([exitCode, names]) => [
    String(exitCode),
    names.join(', '),
    names.map(name => failureWords[name]).join('; '),
  ])
  return table(['code', 'name', 'when'], [['0', '', 'done, or nothing to do'], ...rows])
}

const eventRows: Part = () =>
  table(
    ['event', 'level', 'fields', 'when'],
    Object.entries(events).map(([name, { level, fields, when }]) => [
      code(name),
      level,
      fields.map(code).join(', '),
      when,
    ]),
  )

const ruleRows: Part = () =>
  table(
    ['code', 'level', 'a migration that', 'how it is seen', 'what to do'],
    Object.entries(rules).map(([name, { level, title, detects, cure }]) => [name, level, title, detects, cure]),
  )

const keysOf = <Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] => {
  const isKey = (text: string): text is Name => text in table
  return Object.keys(table).filter(isKey)
}
