import { printable } from '../failure.ts'
import { describeActions, describeIndex } from '../sqlite/schema/compare.ts'
import type { Column, Schema, Table } from '../sqlite/schema/read.ts'
import { toMermaid } from './mermaid.ts'

/**
 * A schema as a Markdown document: the diagram, then each table's columns, keys, indexes and checks, the views and the triggers.
 * @param schema the last applied migration; null if none is
 */
export const toMarkdown = (structure: Schema, schema: string | null): string => {
  const { tables, views, triggers } = structure
  const sections = [
    '# Schema',
    `At ${schema === null ? 'no migration' : `migration ${code(schema)}`}, as \`migrator schema --format markdown\` tells it.`,
    `\`\`\`mermaid\n${toMermaid(structure)}\`\`\``,
    ...tables.flatMap(table => [
      `## ${plain(table.name)}`,
      table.virtual ? codeBlock(table.sql) : columnTable(table.columns),
      ...list(detailsOf(table)),
    ]),
    ...views.flatMap(({ name, sql }) => [`## ${plain(name)} (view)`, codeBlock(sql)]),
    ...triggers.flatMap(({ name, table, sql }) => [`## ${plain(name)} (trigger on ${plain(table)})`, codeBlock(sql)]),
  ]
  return `${sections.join('\n\n')}\n`
}

const columnTable = (columns: readonly Column[]): string =>
  [
    ['column', 'type', 'affinity', 'NULL', 'default', 'more'],
    ['---', '---', '---', '---', '---', '---'],
    ...columns.map(column => [
      code(column.name),
      plain(column.type),
      column.affinity,
      column.notNull ? 'no' : 'yes',
      column.default === null ? '' : code(column.default),
      moreOf(column).join(', '),
    ]),
  ]
    .map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')

const moreOf = ({ key, rowidAlias, generated, collation }: Column): readonly string[] => [
  ...(key > 0 ? ['primary key'] : []),
  ...(rowidAlias ? ['numbered by SQLite'] : []),
  ...(generated === null ? [] : [`computed (${generated.kind}): ${code(generated.expression)}`]),
  ...(collation === 'BINARY' ? [] : [`collation ${plain(collation)}`]),
]

const detailsOf = (table: Table): readonly string[] => [
  ...(table.autoincrement ? ['AUTOINCREMENT'] : []),
  ...(table.withoutRowid ? ['WITHOUT ROWID'] : []),
  ...(table.strict ? ['STRICT'] : []),
  ...table.foreignKeys.map(key => {
    const parent = `${key.parent} (${key.parentColumns.join(', ')})`
    return `foreign key ${code(`(${key.columns.join(', ')})`)} to ${code(parent)}, ${describeActions(key)}`
  }),
  ...table.indexes.map(
    index => `${index.name === null ? 'unique' : `index ${code(index.name)}`} ${code(describeIndex(index))}`,
  ),
  ...table.checks.map(check => `check ${code(check)}`),
  ...table.onConflict.map(code),
]

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
