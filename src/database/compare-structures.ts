import { compareTables, inOneLine } from './compare-tables.ts'
import { differ, type Finding } from './finding.ts'
import type { Structure, Trigger } from './structure.ts'
import { isSameSql } from './tokens.ts'
import type { View } from './views.ts'

/**
 * Everything in which a structure is other than expected. A pure function.
 *
 * In a database that another tool made (`adopted`) these are tolerated, for models and migrations do the same work with them:
 * - a stricter NOT NULL: what breaks it is refused with an error, and no row is read otherwise;
 * - no default where one is expected: the models write their defaults themselves;
 * - other actions of a foreign key, or its check at COMMIT: it still lets no row in without its parent. What else happens to the
 *   rows of a parent that goes, a person decides who sees it listed;
 * - AUTOINCREMENT: without it the number of the last row may be given again after that row was deleted, and nothing keeps one.
 *
 * A looser NOT NULL, another or an additional default, another affinity, key, collation, expression or CHECK are never: rows
 * would be stored, found or refused otherwise. Nor are additional columns, UNIQUE and foreign keys (they refuse rows and stand
 * in the way of migrations), nor triggers on expected tables and views (they change what a write does), nor expected views that
 * cannot be read, whoever broke them.
 *
 * Information only: other names of types (SQLite goes by affinity), and additional tables, views and plain indexes, and the
 * triggers of additional tables. Order of columns, letter case and quotes in expressions are nothing at all.
 */
export const compareStructures = (
  expected: Structure,
  found: Structure,
  { adopted }: Readonly<{ adopted: boolean }>,
): readonly Finding[] => {
  const tolerable = adopted ? 'tolerated' : 'difference'
  const isExpected = (table: string) => [...expected.tables, ...expected.views].some(({ name }) => name === table)
  return [
    ...expected.tables.flatMap(table => {
      const present = found.tables.find(({ name }) => name === table.name)
      if (present !== undefined) return compareTables(table, present, tolerable)
      return differ('difference', `table ${table.name}`, 'missing', columnsOf(table), null)
    }),
    ...found.tables
      .filter(({ name }) => !isExpected(name))
      .flatMap(table => differ('information', `table ${table.name}`, 'extra', null, columnsOf(table))),
    ...compareTexts('view', expected.views, found.views, () => 'information'),
    ...found.views.flatMap(({ name, error }) => {
      const isOurs = expected.views.some(view => view.name === name)
      return differ(isOurs ? 'difference' : 'information', `view ${name}`, 'cannot be read', null, error)
    }),
    ...compareTexts('trigger', expected.triggers, found.triggers, ({ table }) =>
      isExpected(table) ? 'difference' : 'information',
    ),
  ]
}

const columnsOf = ({ columns, virtual }: Structure['tables'][number]): string =>
  virtual ? 'virtual' : columns.map(({ name }) => name).join(', ')

/** Objects that are what their text says. */
const compareTexts = <T extends View | Trigger>(
  kind: string,
  expected: readonly T[],
  found: readonly T[],
  weightOfExtra: (extra: T) => Finding['weight'],
): readonly Finding[] => [
  ...expected.flatMap(({ name, sql }) => {
    const object = `${kind} ${name}`
    const present = found.find(other => other.name === name)
    if (present === undefined) return differ('difference', object, 'missing', inOneLine(sql), null)
    if (isSameSql(sql, present.sql)) return []
    return differ('difference', object, 'definition', inOneLine(sql), inOneLine(present.sql))
  }),
  ...found
    .filter(({ name }) => !expected.some(other => other.name === name))
    .flatMap(extra => differ(weightOfExtra(extra), `${kind} ${extra.name}`, 'extra', null, inOneLine(extra.sql))),
]
