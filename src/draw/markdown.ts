import { printable } from '../failure.ts'
import type { Drawing, DrawnColumn, Note } from './drawing.ts'
import { toMermaid } from './mermaid.ts'

/**
 * A schema as a Markdown document: the diagram, then each table's columns, keys, indexes and checks, the views and the triggers.
 * @param schema the last applied migration; null if none is
 */
export const toMarkdown = (structure: Drawing, schema: string | null): string => {
  const { tables, views, triggers } = structure
  const sections = [
    '# Schema',
    `At ${schema === null ? 'no migration' : `migration ${code(schema)}`}, as \`migrator schema --format markdown\` tells it.`,
    `\`\`\`mermaid\n${toMermaid(structure)}\`\`\``,
    ...tables.flatMap(table => [
      `## ${plain(table.name)}`,
      table.text === null ? columnTable(table.columns) : codeBlock(table.text),
      ...list(table.details.map(noteText)),
    ]),
    ...views.flatMap(({ name, sql }) => [`## ${plain(name)} (view)`, codeBlock(sql)]),
    ...triggers.flatMap(({ name, table, sql }) => [`## ${plain(name)} (trigger on ${plain(table)})`, codeBlock(sql)]),
  ]
  return `${sections.join('\n\n')}\n`
}

const columnTable = (columns: readonly DrawnColumn[]): string => {
  const affinity = (text: string): readonly string[] =>
    columns.every(column => column.affinity === null) ? [] : [text]
  return [
    ['column', 'type', ...affinity('affinity'), 'NULL', 'default', 'more'],
    ['---', '---', ...affinity('---'), '---', '---', '---'],
    ...columns.map(column => [
      code(column.name),
      plain(column.type),
      ...affinity(column.affinity ?? ''),
      column.notNull ? 'no' : 'yes',
      column.default === null ? '' : code(column.default),
      [...(column.key > 0 ? ['primary key'] : []), ...column.notes.map(noteText)].join(', '),
    ]),
  ]
    .map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

const noteText = (note: Note): string =>
  typeof note === 'string'
    ? plain(note)
    : `${note.before}${code(note.code)}${note.after === undefined ? '' : noteText(note.after)}`

const list = (items: readonly string[]): readonly string[] =>
  items.length === 0 ? [] : [items.map(item => `- ${item}`).join('\n')]

/** Text for one line; `<` is escaped, since Markdown would read it as HTML. */
const plain = (text: string): string => printable(text).replaceAll('<', '&lt;')

/** A code span: its fence is longer than any run of backticks in the text, padded if the text begins or ends with one. */
const code = (text: string): string => {
  const line = printable(text)
  const fence = fenceOf(line, 1)
  const space = /^`|`$/.test(line) ? ' ' : ''
  return fence + space + line + space + fence
}

const fenceOf = (text: string, least: number): string =>
  '`'.repeat(Math.max(least, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)))

const codeBlock = (sql: string): string => {
  const fence = fenceOf(sql, 3)
  return `${fence}sql\n${sql};\n${fence}`
}
