import Database from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { writeMigration } from '../../src/diff/on-file.ts'
import { differencesOf, planChange } from '../../src/diff/plan.ts'
import { tryOn } from '../../src/diff/try.ts'
import type { SchemaEditor } from '../../src/engine.ts'
import { parseSqlFile } from '../../src/sql-file.ts'
import { readAppSchema, type Schema } from '../../src/sqlite/schema/read.ts'

const schemaOf = (statements: readonly string[]): Schema => {
  const connection = new Database(':memory:')
  try {
    connection.pragma('foreign_keys = OFF')
    for (const sql of statements) connection.exec(sql)
    return readAppSchema(connection)
  } finally {
    connection.close()
  }
}

/** Keys that every table of a pair has in common more often than not: another key is for a person. */
const key = fc.constantFrom(
  'INTEGER PRIMARY KEY',
  'INTEGER PRIMARY KEY AUTOINCREMENT',
  'INTEGER PRIMARY KEY',
  'TEXT PRIMARY KEY',
)
const column = fc
  .record({
    type: fc.constantFrom('TEXT', 'INTEGER', 'REAL', 'VARCHAR(20)', 'TIMESTAMP', ''),
    fallback: fc.constantFrom(
      '',
      '',
      "DEFAULT 'a `b` $" + "{c} \\'",
      'DEFAULT 5',
      'DEFAULT -1',
      'DEFAULT CURRENT_TIMESTAMP',
      'DEFAULT (1 + 2)',
    ),
    notNull: fc.constantFrom('', '', 'NOT NULL'),
    more: fc.constantFrom(
      '',
      '',
      '',
      'UNIQUE',
      'COLLATE NOCASE',
      'CHECK ("order" <> 7)',
      'CONSTRAINT seven CHECK ("order" <> 8)',
      'REFERENCES a (id) ON DELETE CASCADE',
      'REFERENCES a (id)',
      'REFERENCES b (id) ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED',
    ),
  })
  .map(({ type, fallback, notNull, more }) => [type, notNull, fallback, more].join(' '))
const generated = fc.constantFrom(
  "TEXT AS (id || '!') VIRTUAL",
  "TEXT AS (id || '?') VIRTUAL",
  "TEXT AS (id || '!') STORED",
)
const names = ['"order"', 'x', '[y z]', 'w']
const table = fc.record({
  key,
  columns: fc.tuple(
    ...names.map((name, place) =>
      fc
        .option(place === 3 ? fc.oneof(column, generated) : column, { nil: undefined })
        .map(text => (text === undefined ? undefined : `${name} ${text}`)),
    ),
  ),
  order: fc.constantFrom('"order" INTEGER', '"order" TEXT NOT NULL'),
  uniques: fc.constantFrom('', '', ', UNIQUE (id, "order")'),
  check: fc.constantFrom('', '', ', CONSTRAINT small CHECK (id < 100)'),
  foreign: fc.constantFrom(
    '',
    '',
    ', CONSTRAINT fk FOREIGN KEY ("order") REFERENCES b (id) ON DELETE SET NULL',
    ', FOREIGN KEY ("order") REFERENCES b (id)',
  ),
  indexes: fc.uniqueArray(
    fc.constantFrom(
      'i1 ON T ("order")',
      'i1 ON T ("order" DESC, id)',
      'i2 ON T (id) WHERE id > 3',
      'i3 ON T (lower("order"))',
    ),
    { selector: text => text.slice(0, 2) },
  ),
  unique: fc.constantFrom('', '', 'u1 ON T ("order")', 'u1 ON T (id, "order")'),
  options: fc.constantFrom('', '', '', ''),
  trigger: fc.boolean(),
})
const schema = fc
  .record({
    a: fc.option(table, { nil: undefined }),
    b: fc.option(table, { nil: undefined }),
    c: fc.option(table, { nil: undefined }),
    view: fc.boolean(),
  })
  .map(({ a, b, c, view }) => [
    ...Object.entries({ a, b, c }).flatMap(([name, made]) => {
      if (made === undefined) return []
      const { columns, order, uniques, check, foreign, indexes, unique, options, trigger } = made
      const rest = columns.filter(text => text !== undefined && !text.startsWith('"order"'))
      return [
        `CREATE TABLE ${name} (id ${made.key}, ${[order, ...rest].join(', ')}${uniques}${check}${foreign})${options}`,
        ...indexes.map(text => `CREATE INDEX ${name}${text.replace('T', name)}`),
        ...(unique === '' ? [] : [`CREATE UNIQUE INDEX ${name}${unique.replace('T', name)}`]),
        ...(trigger
          ? [`CREATE TRIGGER ${name}t AFTER DELETE ON ${name} BEGIN DELETE FROM ${name} WHERE id = old.id; END`]
          : []),
      ]
    }),
    ...(view && a !== undefined ? ['CREATE VIEW v AS SELECT id FROM a'] : []),
  ])

/** Runs a text of a migration as it was written. */
const runCode = async (text: string, editor: SchemaEditor, direction: 'up' | 'down'): Promise<void> => {
  const module = await import(`data:text/javascript,${encodeURIComponent(text)}`)
  await module[direction]({ context: editor })
}
const runs = Number(process.env.DIFF_RUNS ?? 40)

t.test('what is written leaves no difference but those to decide, and down takes it back', async t => {
  await fc.assert(
    fc.asyncProperty(schema, schema, fc.constantFrom('js', 'sql'), async (before, after, language) => {
      const [from, to] = [schemaOf(before), schemaOf(after)]
      const written = await writeMigration(from, to, { isOfModels: false }, { language, types: 'x' } as const)
      if (written === undefined) {
        if (differencesOf(to, from).length > 0) throw new Error('nothing was written')
        return
      }
      const { text } = written
      if (/this migration does not change|To decide: fails: /.test(text)) throw new Error(text)
      const sql = language === 'sql' ? parseSqlFile('x.sql', text) : undefined
      const run = (direction: 'up' | 'down') => async (editor: SchemaEditor) => {
        if (sql === undefined) await runCode(text, editor, direction)
        else if (sql[direction] !== undefined) await editor.runSql(String(sql[direction]))
      }
      const { after: made } = await tryOn(from, run('up'))
      const left = planChange(made, to, 'decide').filter(
        ({ step, decide }) => decide === undefined && (language === 'js' || step.does !== 'change type'),
      )
      if (left.length > 0) throw new Error(`left: ${JSON.stringify(left)}\n${text}`)
      if (!text.includes('To decide') && differencesOf(to, made).length > 0) throw new Error(`differs\n${text}`)
      const { after: undone } = await tryOn(made, run('down'))
      const kept = differencesOf(from, undone)
      if (kept.length > 0) throw new Error(`down leaves ${JSON.stringify(kept)}\n${text}`)
    }),
    { numRuns: runs },
  )
  t.pass()
})
