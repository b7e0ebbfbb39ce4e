import { hasName } from '../sqlite/sql.ts'
import type { Drawing, DrawnColumn, DrawnTable } from './drawing.ts'

/**
 * Tables and foreign keys as a Mermaid diagram (https://mermaid.js.org/syntax/entityRelationshipDiagram.html). Characters that
 * its syntax does not allow in names become underscores.
 */
export const toMermaid = ({ tables }: Pick<Drawing, 'tables'>): string =>
  `${['erDiagram', ...tables.flatMap(entity), ...tables.flatMap(relations)].join('\n')}\n`

const entity = (table: DrawnTable): readonly string[] => {
  const name = `  ${quote(table.name)}`
  if (table.columns.length === 0) return [name]
  return [`${name} {`, ...table.columns.map(column => `    ${attribute(table, column)}`), '  }']
}

const attribute = ({ foreignKeys, uniques }: DrawnTable, column: DrawnColumn): string => {
  const isForeign = foreignKeys.some(({ columns }) => hasName(columns, column.name))
  const isUnique = uniques.some(columns => columns.length === 1 && hasName(columns, column.name))
  const keys = [...(column.key > 0 ? ['PK'] : []), ...(isForeign ? ['FK'] : []), ...(isUnique ? ['UK'] : [])]
  const notes = [
    ...(column.notNull ? ['not null'] : []),
    ...(column.default === null ? [] : [`default ${column.default}`]),
    ...(column.computed ? ['computed'] : []),
  ]
  return [
    word(column.type === '' ? 'any' : column.type),
    word(column.name),
    ...(keys.length > 0 ? [keys.join(', ')] : []),
    ...(notes.length > 0 ? [quote(notes.join(', '))] : []),
  ].join(' ')
}

/** Parent to children: one parent (none if the column may be NULL) to any number of rows. */
const relations = ({ name, columns, foreignKeys }: DrawnTable): readonly string[] =>
  foreignKeys.map(key => {
    const always = columns.every(column => !hasName(key.columns, column.name) || column.notNull)
    return `  ${quote(key.parent)} ${always ? '||' : '|o'}--o{ ${quote(name)} : ${quote(key.columns.join(', '))}`
  })

const quote = (text: string): string => `"${text.replaceAll(/["%\\\p{Cc}\p{Cf}]/gu, '_')}"`

/** A type or name inside an entity, where Mermaid takes no quotes and reserves PK, FK and UK. */
const word = (text: string): string =>
  text
    .replaceAll(/[^\w()\u00c0-\uffff]+|[\p{Cf}\p{Z}]+/gu, '_')
    .replace(/^(?=[^a-z\u00c0-\uffff])/i, 'x')
    .replace(/^[PFU]K$/i, '$&_')
