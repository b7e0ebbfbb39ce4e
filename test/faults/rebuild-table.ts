/**
 * Random tables out of everything that SQLite has, with random rows, rebuilt and altered by random edits: whatever the edits
 * do not name is read before and after on a connection of its own, and must be the same. 1,000 cases in `npm test`, 20,000
 * in `npm run test:faults`.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { DataTypes, Op } from 'sequelize'
import t from 'tap'
import type { SchemaEditor } from '../../src/engine.ts'
import { makeEditor } from '../help/editor.ts'
import { makeQuickFolder } from '../help/found.ts'

const runs = process.env.FAULTS === 'long' ? 20_000 : 500

const edits = [
  'rebuild as it is',
  'rebuild with a column more',
  'rebuild without a column',
  'remove column',
  'rename column',
  'change type',
  'change default',
  'change NOT NULL',
  'add CHECK',
  'add foreign key',
  'add unique',
] as const
type Edit = (typeof edits)[number]

const cases = fc.record({
  name: fc.constantFrom('plain', 'two words', 'it"s', 'SELECT', 'ünï', "o'clock"),
  key: fc.constantFrom('INTEGER PRIMARY KEY AUTOINCREMENT', 'INTEGER PRIMARY KEY', 'INT', 'TEXT PRIMARY KEY'),
  withoutRowid: fc.boolean(),
  strict: fc.boolean(),
  collate: fc.constantFrom('', ' COLLATE NOCASE', ' COLLATE RTRIM'),
  fallback: fc.constantFrom('', " DEFAULT 'a;b'", " DEFAULT (lower('X,)'))"),
  check: fc.boolean(),
  generated: fc.constantFrom('', 'VIRTUAL', 'STORED'),
  unique: fc.boolean(),
  parent: fc.constantFrom('', ' REFERENCES log (x) ON DELETE SET NULL', ' REFERENCES log (x) ON UPDATE CASCADE'),
  indexes: fc.subarray(['partial', 'expression', 'plain', 'descending']),
  trigger: fc.boolean(),
  view: fc.boolean(),
  child: fc.constantFrom('', 'ON DELETE CASCADE', 'ON DELETE SET NULL ON UPDATE CASCADE'),
  rows: fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 1000 }),
      text: fc.option(fc.string({ maxLength: 6 })),
      number: fc.option(fc.integer({ min: 0, max: 2 ** 31 })),
      bytes: fc.option(fc.uint8Array({ maxLength: 4 })),
    }),
    { selector: ({ id }) => id, maxLength: 8 },
  ),
  gone: fc.nat({ max: 3 }),
  edits: fc.array(fc.constantFrom(...edits), { minLength: 1, maxLength: 3 }),
})
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
const literal = (name: string) => `'${name.replaceAll("'", "''")}'`

const definition = (c: Case, spare: readonly string[]): string => {
  const isKey = c.key.includes('PRIMARY KEY')
  const options = [c.withoutRowid && isKey && !c.key.includes('AUTOINCREMENT') && 'WITHOUT ROWID', c.strict && 'STRICT']
  const columns = [
    `id ${c.key}`,
    `txt TEXT${c.collate}${c.fallback} -- with (a comment`,
    `num INTEGER${c.check ? ' CHECK (num >= 0)' : ''}${c.parent}`,
    'bytes BLOB',
    ...spare,
    ...(c.generated ? [`twice INTEGER GENERATED ALWAYS AS (num * 2) ${c.generated}`] : []),
    ...(c.unique ? ['UNIQUE (id, txt)'] : []),
  ]
  return `CREATE TABLE ${quoted(c.name)} (${columns.join('\n, ')}\n) ${options.filter(Boolean).join(', ')}`
}
const withSpare = ['spare TEXT']

/** Makes the case's table, and everything around it. */
const fill = (connection: Database.Database, c: Case): void => {
  const table = quoted(c.name)
  connection.exec('CREATE TABLE log (x INTEGER PRIMARY KEY)')
  connection.exec(definition(c, withSpare))
  const insert = connection.prepare(`INSERT INTO ${table} (id, txt, num, bytes, spare) VALUES (?, ?, ?, ?, 's')`)
  const keyOf = (id: number) => (c.key.startsWith('TEXT') ? String(id) : id)
  for (const { id, text, number, bytes } of c.rows) {
    insert.run(keyOf(id), text, number, bytes === null ? null : Buffer.from(bytes))
  }
  for (const { id } of c.rows.slice(0, c.gone)) connection.prepare(`DELETE FROM ${table} WHERE id = ?`).run(keyOf(id))
  const indexSql: Readonly<Record<string, string>> = {
    partial: `CREATE INDEX i_partial ON ${table} (num) WHERE num > 5`,
    expression: `CREATE INDEX i_expression ON ${table} (lower(txt))`,
    plain: `CREATE INDEX i_plain ON ${table} (txt COLLATE BINARY, num)`,
    descending: `CREATE UNIQUE INDEX i_descending ON ${table} (id DESC)`,
  }
  for (const index of c.indexes) connection.exec(String(indexSql[index]))
  if (c.trigger) connection.exec(`CREATE TRIGGER w AFTER DELETE ON ${table} BEGIN INSERT INTO log VALUES (NULL); END`)
  if (c.view) connection.exec(`CREATE VIEW seen AS SELECT id, txt FROM ${table}`)
  if (c.child)
    connection.exec(`CREATE TABLE child (x REFERENCES ${table} (id) ${c.child}); INSERT INTO child VALUES (1), (2)`)
}

/** What no edit may change, read from the file by a connection that has nothing to do with the one that edits. */
const read = (file: string, c: Case) => {
  const connection = new Database(file, { readonly: true })
  const all = (sql: string) => connection.prepare(sql).all()
  const table = quoted(c.name)
  const hasRowid = !definition(c, withSpare).includes('WITHOUT ROWID')
  const text = String(connection.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(c.name))
  const state = {
    rows: all(
      `SELECT ${hasRowid ? '_rowid_ AS place, ' : ''}id, txt, num, bytes, typeof(id) AS kind ${c.generated ? ', twice' : ''} FROM ${table} ORDER BY id`,
    ),
    sequence: c.key.includes('AUTOINCREMENT') ? all('SELECT * FROM sqlite_sequence') : [],
    around: all(
      `SELECT type, name, sql FROM sqlite_schema
       WHERE (type <> 'table' OR name IN ('child', 'log')) AND name NOT LIKE 'edit%' AND name NOT LIKE 'sqlite_autoindex%' ORDER BY name`,
    ),
    indexes: all(
      `SELECT i."unique", i.origin, i.partial, x.seqno, x.name, x.desc, x.coll, x.key
       FROM pragma_index_list(${literal(c.name)}) AS i, pragma_index_xinfo(i.name) AS x
       WHERE i.name NOT LIKE 'edit%' AND x.key = 1 ORDER BY i.origin, i."unique", i.partial, i.name LIKE 'sqlite%' OR i.name, x.seqno`,
    ),
    out: all(
      `SELECT "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(${literal(c.name)}) WHERE "from" = 'num'`,
    ),
    children: c.child ? all('SELECT * FROM child') : [],
    into: c.child ? all("SELECT * FROM pragma_foreign_key_list('child')") : [],
    seen: c.view ? all('SELECT * FROM seen ORDER BY 1') : [],
    log: all('SELECT * FROM log'),
    sound: all('PRAGMA integrity_check'),
    tables: all('SELECT name, type, wr, strict FROM pragma_table_list ORDER BY name'),
    columns: all(
      `SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(${literal(c.name)})
       WHERE name NOT IN ('spare', 'renamed', 'extra') ORDER BY cid`,
    ),
    clauses: ['AUTOINCREMENT', 'CHECK (num >= 0)', c.collate, c.fallback, '-- with (a comment'].map(clause =>
      text.includes(clause),
    ),
  }
  const spare = connection
    .prepare(`SELECT name FROM pragma_table_xinfo(${literal(c.name)}) WHERE name IN ('spare', 'renamed', 'extra')`)
    .pluck()
    .all()
  const kept = spare.includes('spare') ? all(`SELECT DISTINCT spare FROM ${table}`) : []
  const keys = all(`SELECT * FROM pragma_foreign_key_list(${literal(c.name)}) WHERE "from" = 'spare'`)
  const unique = all(`SELECT * FROM pragma_index_list(${literal(c.name)}) WHERE name = 'edit_added' AND "unique"`)
  connection.close()
  const added = {
    'add CHECK': text.includes('edit_added'),
    'add foreign key': keys.length,
    'add unique': unique.length,
  }
  return { state, spare, kept, added: new Map<string, unknown>(Object.entries(added)) }
}

/** Makes one edit; an edit of the spare column is passed over where that is gone. */
const make = async (schema: SchemaEditor, c: Case, edit: Edit, columns: string[], isLast: boolean): Promise<void> => {
  const { name } = c
  if (!columns.includes('spare')) return
  const only = (...left: readonly string[]) => columns.splice(0, columns.length, ...left)
  const extra = "extra TEXT DEFAULT 'new'"
  const present = columns.includes('extra') ? [...withSpare, extra] : withSpare
  if (edit === 'rebuild as it is') await schema.rebuildTable(name, definition(c, present))
  if (edit === 'rebuild with a column more') {
    await schema.rebuildTable(name, definition(c, [...withSpare, extra]))
    only('spare', 'extra')
  }
  if (edit === 'rebuild without a column') {
    await schema.rebuildTable(name, definition(c, present.slice(1)), { copy: { spare: null } })
    only(...columns.slice(1))
  }
  if (edit === 'remove column') {
    await schema.removeColumn(name, 'spare')
    only(...columns.filter(column => column !== 'spare'))
  }
  if (edit === 'rename column') {
    await schema.renameColumn(name, 'spare', 'renamed')
    only(...columns.map(column => (column === 'spare' ? 'renamed' : column)))
  }
  if (edit === 'change type') await schema.changeColumn(name, 'spare', c.strict ? 'ANY' : DataTypes.STRING(20))
  if (edit === 'change default') await schema.changeColumn(name, 'spare', { type: 'TEXT', defaultValue: "it's, (" })
  if (edit === 'change NOT NULL') await schema.changeColumn(name, 'spare', { type: 'TEXT', allowNull: false })
  if (edit === 'add unique') {
    await schema.addConstraint(name, { type: 'unique', name: 'edit_added', fields: ['id', 'spare'] })
  }
  if (edit === 'add CHECK') {
    const where = { spare: { [Op.ne]: 'other' } }
    await schema.addConstraint(name, { type: 'check', name: 'edit_added', fields: ['spare'], where })
  }
  if (edit === 'add foreign key') {
    const actions = { onDelete: 'cascade', onUpdate: 'no action' }
    const references = { table: 'log', field: 'x' }
    await schema.addConstraint(name, {
      type: 'foreign key',
      name: 'edit_added',
      fields: ['spare'],
      references,
      ...actions,
    })
  }
  // else the edits after it could not take the column away
  if (edit.startsWith('add') && !isLast) await schema.removeConstraint(name, 'edit_added')
}

t.test(`${runs} random tables, each altered by up to three random edits, keep everything else`, async t => {
  const folder = makeQuickFolder(t)
  const made = new Map<string, number>()
  let number = 0
  await fc.assert(
    fc.asyncProperty(cases, async c => {
      number += 1
      const file = join(folder, `${number}.db`)
      const connection = new Database(file)
      try {
        connection.pragma('journal_mode = MEMORY')
        connection.pragma('synchronous = OFF')
        connection.pragma('foreign_keys = OFF')
        connection.transaction(() => fill(connection, c))()
        const before = read(file, c)
        const schema = makeEditor(connection)
        const columns = ['spare']
        connection.exec('BEGIN IMMEDIATE')
        for (const [index, edit] of c.edits.entries()) {
          await make(schema, c, edit, columns, index === c.edits.length - 1)
          made.set(edit, (made.get(edit) ?? 0) + 1)
        }
        connection.exec('COMMIT')
        const after = read(file, c)
        if (JSON.stringify(after.state) !== JSON.stringify(before.state)) {
          throw new Error(`before ${JSON.stringify(before.state)}\nafter ${JSON.stringify(after.state)}`)
        }
        if (after.spare.join() !== columns.join()) throw new Error(`${c.edits}: ${after.spare} instead of ${columns}`)
        if (after.spare.includes('spare') && JSON.stringify(after.kept) !== JSON.stringify(before.kept)) {
          throw new Error(`${c.edits}: the spare column has ${JSON.stringify(after.kept)}`)
        }
        const last = String(c.edits.at(-1))
        if (last.startsWith('add') && columns.includes('spare') && !after.added.get(last)) {
          throw new Error(`${c.edits}: there is no constraint`)
        }
      } finally {
        connection.close()
      }
    }),
    { numRuns: runs },
  )
  t.comment(`${number} tables: ${JSON.stringify(Object.fromEntries(made))}`)
  t.strictSame([...made.keys()].toSorted(), [...edits].toSorted(), 'every edit was made')
})
