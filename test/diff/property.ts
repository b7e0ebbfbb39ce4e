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

/** Writes a migration, and runs it: it leaves no difference but those to decide, and `down` takes it back. @returns its text */
const check = async (before: readonly string[], after: readonly string[], language: 'js' | 'sql'): Promise<string> => {
  const [from, to] = [schemaOf(before), schemaOf(after)]
  const written = await writeMigration(from, to, { isOfModels: false }, { language, types: 'x' })
  if (written === undefined) {
    if (differencesOf(to, from).length > 0) throw new Error('nothing was written')
    return ''
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
  return text
}

t.test('what is written leaves no difference but those to decide, and down takes it back', async () => {
  await fc.assert(
    fc.asyncProperty(schema, schema, fc.constantFrom('js', 'sql'), async (before, after, language) => {
      await check(before, after, language)
    }),
    { numRuns: runs },
  )
})

const plain = 'CREATE TABLE a (x TEXT, y INTEGER)'
for (const [title, before, after, ...texts] of [
  ['a table without a key', '', plain, /\n {2}x TEXT,\n {2}y INTEGER\n\)/],
  ['a key of several columns', '', 'CREATE TABLE a (x TEXT, y TEXT, PRIMARY KEY (y, x))', /PRIMARY KEY \(y, x\)\n\)/],
  [
    'the options of a table',
    '',
    `CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT) STRICT, WITHOUT ROWID;
     CREATE TABLE b (x INTEGER PRIMARY KEY DESC, y INTEGER)`,
    /x INTEGER PRIMARY KEY NOT NULL,\n {2}y TEXT\n\) WITHOUT ROWID, STRICT/,
    /x INTEGER PRIMARY KEY DESC,/,
  ],
  [
    'a UNIQUE with a collation and an order',
    '',
    'CREATE TABLE a (x TEXT, "select" TEXT COLLATE NOCASE, UNIQUE (x COLLATE NOCASE DESC, "select"))',
    /UNIQUE \(x COLLATE NOCASE DESC, "select"\)\n/,
  ],
  [
    'a foreign key to a table that is not there, or has no key',
    '',
    `${plain}; CREATE TABLE b (x REFERENCES gone, y REFERENCES a)`,
    /FOREIGN KEY \(x\) REFERENCES gone,/,
    /FOREIGN KEY \(y\) REFERENCES a\n/,
  ],
  [
    'a default that is an expression, and a key that is checked at COMMIT',
    '',
    'CREATE TABLE a (x INTEGER PRIMARY KEY DEFAULT (1 + 2), y REFERENCES a DEFERRABLE INITIALLY DEFERRED)',
    /x INTEGER PRIMARY KEY DEFAULT \(1 \+ 2\),/,
    /REFERENCES a \(x\) DEFERRABLE INITIALLY DEFERRED\n/,
  ],
  [
    'names in backticks, which a template would have to escape',
    plain,
    `${plain}; CREATE INDEX \`a_x\` ON \`a\` (\`x\`); CREATE VIEW \`v\` AS SELECT \`x\` AS \`the x\` FROM \`a\``,
    /CREATE INDEX a_x ON a \(x\)/,
    /CREATE VIEW v AS SELECT x AS "the x" FROM a/,
  ],
  [
    'a virtual table, and one with ON CONFLICT, by its own text',
    '',
    'CREATE VIRTUAL TABLE words USING fts5(word); CREATE TABLE a (x TEXT UNIQUE ON CONFLICT IGNORE)',
    /CREATE VIRTUAL TABLE words USING fts5\(word\)/,
    /x TEXT UNIQUE ON CONFLICT IGNORE/,
  ],
  [
    'another virtual table',
    'CREATE VIRTUAL TABLE words USING fts5(word)',
    'CREATE VIRTUAL TABLE words USING fts5(word, more)',
    /creates the virtual table words again: its contents have to be written again\n.*DROP TABLE words/,
    /with the drop above\n.*fts5\(word, more\)/,
  ],
  [
    'ON CONFLICT that came',
    plain,
    'CREATE TABLE a (x TEXT NOT NULL ON CONFLICT IGNORE, y INTEGER)',
    /a has ON CONFLICT clauses: rows may have to be made distinct first/,
  ],
  ['another key', plain, 'CREATE TABLE a (x TEXT PRIMARY KEY)', /a has another primary key/],
  ['another type', plain, 'CREATE TABLE a (x TEXT, y REAL)', /y REAL|'y', \{ type: 'REAL' \}/],
  [
    'computed columns that come',
    plain,
    'CREATE TABLE a (x TEXT, y INTEGER, v TEXT AS (x) VIRTUAL, s TEXT AS (x) STORED)',
    /v TEXT GENERATED ALWAYS AS \(x\) VIRTUAL,\n {2}s TEXT GENERATED ALWAYS AS \(x\) STORED\n/,
  ],
  [
    'a column that will be computed',
    plain,
    'CREATE TABLE a (x TEXT, y INTEGER AS (x))',
    /To decide: a\.y will be computed: the values stored there are lost\n/,
  ],
  [
    'columns that are NOT NULL from now on, with a default and without, in a rebuild',
    plain,
    "CREATE TABLE a (x TEXT NOT NULL DEFAULT 'none', y INTEGER, z TEXT NOT NULL, CHECK (x <> ''))",
    /x TEXT DEFAULT 'none',\n {2}y INTEGER,\n {2}z TEXT,\n/,
    /To decide: fills what is NULL before the column is NOT NULL\n.*UPDATE a SET x = 'none' WHERE x IS NULL/,
    /UPDATE a SET z = \.\.\. WHERE z IS NULL/,
  ],
  [
    'NOT NULL that goes again, also without a default',
    'CREATE TABLE a (x TEXT NOT NULL, y INTEGER NOT NULL DEFAULT 1)',
    plain,
    /down[\s\S]*UPDATE a SET y = 1 WHERE y IS NULL/,
    /down(?![\s\S]*UPDATE a SET x)[\s\S]*ALTER COLUMN x SET NOT NULL/,
  ],
  [
    'another index of the same name, which waits where it is unique',
    `${plain}; CREATE INDEX i ON a (x); CREATE INDEX j ON a (x)`,
    `${plain}; CREATE INDEX i ON a (y); CREATE UNIQUE INDEX j ON a (x)`,
    /^\W*(?:await schema\.runSql\(`)?DROP INDEX i/m,
    /To decide: with the unique index below\n.*DROP INDEX j/,
  ],
  [
    'NOT NULL that went',
    'CREATE TABLE a (x TEXT NOT NULL, y INTEGER)',
    plain,
    /^\W*(?:await schema\.runSql\(`)?ALTER TABLE a ALTER COLUMN x DROP NOT NULL/m,
  ],
  [
    'a required column that goes, which may be NULL until then',
    'CREATE TABLE a (x TEXT, y INTEGER NOT NULL)',
    'CREATE TABLE a (x TEXT)',
    /^\W*(?:await schema\.runSql\(`)?ALTER TABLE a ALTER COLUMN y DROP NOT NULL/m,
    /To decide: drops the column a\.y and its values\n/,
  ],
  [
    'a renamed table',
    plain,
    'CREATE TABLE b (y INTEGER, x TEXT)',
    /was a renamed\? .*: it keeps the rows\n.*ALTER TABLE a RENAME TO b/,
  ],
  [
    'another view, whose triggers go with the former one',
    `${plain}; CREATE VIEW v AS SELECT x FROM a; CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN DELETE FROM a; END`,
    `${plain}; CREATE VIEW v AS SELECT y FROM a; CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN DELETE FROM a; END`,
    /DROP VIEW v[\s\S]*CREATE VIEW v AS SELECT y FROM a[\s\S]*CREATE TRIGGER t INSTEAD OF DELETE ON v/,
  ],
] as const)
  t.test(`a migration is written for ${title}`, async t => {
    for (const language of ['js', 'sql'] as const) {
      const text = await check([before], [after], language)
      for (const expected of texts) t.match(text, expected, language)
    }
  })

t.test('without anything to run, code has functions that do nothing', async t => {
  const text = await check([plain], [], 'js')
  t.match(text, /^export const up = async \(\) => \{\n {2}\/\/ To decide: drops the table a and its rows/m)
  t.match(text, /^export const down = async \(\) => \{\}$/m)
})

t.test('what fails in the trial is for a person to decide, with the reason', async t => {
  const connection = new Database(':memory:')
  connection.function('fold', { deterministic: true }, String)
  connection.exec(`${plain}; CREATE INDEX folded ON a (fold(x))`)
  const to = readAppSchema(connection)
  connection.close()
  for (const [language, mark] of [
    ['js', '  //'],
    ['sql', '--'],
  ] as const) {
    const written = await writeMigration(schemaOf([plain]), to, { isOfModels: false }, { language, types: 'x' })
    t.match(written, { calls: 0, decisions: 1 })
    t.match(written?.text, `\n${mark} To decide: fails: no such function: fold\n${mark} `)
    t.match(written?.text, 'CREATE INDEX folded ON a (fold(x))')
  }
})

t.test('what waits for a decision is told, also where its statements cannot be tried', async t => {
  const connection = new Database(':memory:')
  connection.function('fold', { deterministic: true }, String)
  connection.exec("CREATE TABLE a (x TEXT PRIMARY KEY, y INTEGER, CHECK (fold(x) <> ''))")
  const to = readAppSchema(connection)
  connection.close()
  const written = await writeMigration(schemaOf([plain]), to, { isOfModels: false }, { language: 'sql', types: 'x' })
  t.match(written?.text, /\n-- To decide: a has another primary key: .*\n\n-- migrate:down\n/)
})

t.test('a view that cannot be read is told, since no migration of ours mends it', async t => {
  const to = schemaOf(['CREATE VIEW v AS SELECT x FROM gone'])
  const written = await writeMigration(schemaOf([]), to, { isOfModels: false }, { language: 'sql', types: 'x' })
  t.match(written, { calls: 1, decisions: 1 })
  t.match(
    written?.text,
    '\n-- To decide: this migration does not change view v cannot be read: nothing in place of no such table: main.gone\n',
  )
})
