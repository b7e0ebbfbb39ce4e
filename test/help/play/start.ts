/** What is in the database before the first migration of a case: tables with rows. */
import { type Column, cell, change, isTextKey, key, number, type Table, tableOf, tag, type World } from '../world.ts'
import type { Case } from './cases.ts'
import { addRow, isReferable, makeIndex } from './model.ts'
import { newRow, nothing, pick, tableNames, values } from './values.ts'

type Spec = Case['tables'][number]

export const createWorld = (specs: readonly Spec[], next: () => number): World => {
  const world: World = { tables: [], log: [] }
  for (const [index, spec] of specs.entries()) {
    const parent = spec.kind === 'fts5' ? undefined : pick(world.tables.filter(isReferable), spec.reference?.to ?? 0)
    const table = makeTable(world, spec, index, parent, next)
    fillTable(table, spec.rows, index, parent, next)
    world.tables.push(table)
  }
  return world
}

const makeTable = (world: World, spec: Spec, index: number, parent: Table | undefined, next: () => number): Table => {
  const { kind, reference } = spec
  const isVirtual = kind === 'fts5'
  const strict = spec.strict && !isVirtual
  const hasParent = reference !== null && parent !== undefined
  const column = (name: string, type: string): Column => ({
    id: next(),
    name,
    type: isVirtual ? '' : type,
    fallback: null,
  })
  const columns = [
    column('k', isTextKey(kind) ? 'TEXT' : kind === 'none' && !strict ? '' : 'INTEGER'),
    column('Tag', 'TEXT'),
    column('n', 'INTEGER'),
    column('x', strict ? 'ANY' : ''),
    ...(hasParent ? [column('parent', strict ? 'ANY' : '')] : []),
  ]
  return {
    ...{ id: next(), kind, strict, name: freeName(world, spec.name), columns, rows: [], mark: 0 },
    indexes: isVirtual ? [] : indexesOf(index).filter((_, nth) => (spec.indexes >> nth) & 1),
    generated: isVirtual ? null : spec.generated,
    reference: hasParent
      ? { ...reference, column: columns[4]?.id ?? 0, parent: parent.name, to: key(parent).name }
      : null,
    trigger: spec.trigger && !isVirtual ? `log of ${index}` : null,
    view: spec.view && !isVirtual ? `view of ${index}` : null,
  }
}

const freeName = (world: World, first: number): string =>
  [...tableNames.slice(first), ...tableNames].find(name => tableOf(world, name) === undefined) ?? 'x'

const indexesOf = (nth: number): Table['indexes'] => [
  makeIndex(`i${nth} partial`, (t, q) => `(${q(number(t))} DESC) WHERE ${q(number(t))} > 7`),
  makeIndex(`i${nth} expression`, (t, q) => `(lower(${q(tag(t))}))`),
  makeIndex(`i${nth} collated`, (t, q) => `(${q(tag(t))} COLLATE NOCASE, ${q(key(t))})`),
]

const fillTable = (table: Table, count: number, index: number, parent: Table | undefined, next: () => number): void => {
  const own = table.columns[4]
  for (let nth = 0; nth < count; nth += 1) {
    const row = newRow(table, next(), 0, pick(values, nth * 7 + index) ?? nothing)
    const link = parent?.rows[nth % (parent.rows.length + 1)]
    if (parent !== undefined && own !== undefined && link !== undefined) change(row, own, cell(link, key(parent)))
    // one that never had a parent
    else if (own !== undefined && nth === 3) change(row, own, '99')
    addRow(table, row)
  }
}
