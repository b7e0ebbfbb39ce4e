import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Changes, Missing } from '../../src/engine.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'
import { connectHandle } from '../../src/sqlite/bridge/sequelize.ts'
import { openLedger } from '../../src/sqlite/rows/ledger.ts'
import { runStatements } from '../help/ledger.ts'

/** What a ledger tells of statements, in one way of keeping the state of before. `most`: more tables are many. */
const tell = async (
  t: Pick<Test, 'testdir'>,
  mode: string,
  setup: string,
  statements: readonly string[],
  most?: number,
): Promise<readonly (Missing | Changes['tables'][number])[]> => {
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  connection.unsafeMode(true)
  connection.pragma(`journal_mode = ${mode === 'wal' ? 'wal' : 'delete'}`)
  connection.exec(setup)
  copyFileSync(file, `${file}.backup`)
  connection.exec('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE')
  const backup = mode === 'backup' ? `${file}.backup` : undefined
  const ledger = openLedger(connection, { history: 'SequelizeMeta', backup, ...(most === undefined ? {} : { most }) })
  await ledger.begin([])
  await runStatements(connection, ledger, statements)
  const { tables } = await ledger.end()
  const missing = await ledger.missing()
  await ledger.finish()
  connection.exec('COMMIT')
  connection.close()
  return [...tables.filter(({ left, rows }) => left < rows), ...missing]
}

const abc = "CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT); INSERT INTO a VALUES (1, 'x'), (2, 'y'), (3, 'z')"
const rebuilt = (columns: string, select = '*') => [
  `CREATE TABLE b (${columns})`,
  `INSERT INTO b SELECT ${select} FROM a`,
  'DROP TABLE a',
  'ALTER TABLE b RENAME TO a',
]
const words = "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('one'), ('two')"
/** A key by a collation that only the hub has. */
const ofHub = `CREATE TABLE a (id TEXT PRIMARY KEY COLLATE NOCASE, n); INSERT INTO a VALUES ('x', 1), ('y', 2);
  PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'german'); PRAGMA writable_schema = RESET`

const kept: Readonly<Record<string, readonly [setup: string, statements: readonly string[]]>> = {
  'a row that UPDATE OR IGNORE leaves alone, as another has the key': [
    abc,
    ["INSERT INTO a VALUES (9, 'q')", 'UPDATE OR IGNORE a SET id = 2 WHERE id = 9', 'UPDATE a SET id = 7 WHERE id = 9'],
  ],
  'a key that got another type keeps its rows': [abc, rebuilt('id TEXT PRIMARY KEY, n')],
  'a text that became the number it says is the same key': [
    "CREATE TABLE a (id TEXT PRIMARY KEY, n); INSERT INTO a VALUES ('1', 'x'), ('007', 'y')",
    rebuilt('id INTEGER PRIMARY KEY, n'),
  ],
  'a key that got another name keeps its rows': [abc, ['ALTER TABLE a RENAME COLUMN id TO number']],
  "so it does in a rebuild of one's own, which is renamed after it": [
    abc,
    [
      'PRAGMA legacy_alter_table = ON',
      ...rebuilt('id INTEGER PRIMARY KEY, n'),
      'PRAGMA legacy_alter_table = OFF',
      'ALTER TABLE a RENAME TO c',
      "UPDATE c SET n = 'q'",
    ],
  ],
  'so it does in a rebuild': [abc, rebuilt('number INTEGER PRIMARY KEY, n')],
  'a key that is no key any more still tells rows apart': [
    "CREATE TABLE a (n TEXT PRIMARY KEY); INSERT INTO a VALUES ('x'), ('y')",
    rebuilt('id INTEGER PRIMARY KEY, n', 'NULL, n'),
  ],
  'keys that change places are followed': [
    abc,
    ['UPDATE a SET id = 9 WHERE id = 1', 'UPDATE a SET id = 1 WHERE id = 2', 'UPDATE a SET id = 2 WHERE id = 9'],
  ],
  'keys that are blobs, NULL, or of several columns are keys': [
    "CREATE TABLE a (x, y, n, PRIMARY KEY (x, y)); INSERT INTO a VALUES (x'00ff', 1.5, 'p'), (NULL, 1, 'q'), (NULL, 1, 'r')",
    ["UPDATE a SET x = x'01' WHERE n = 'p'", "UPDATE a SET x = 7 WHERE n = 'q'", "UPDATE a SET n = n || '!'"],
  ],
  'a key of which the case changed is the same one under NOCASE': [
    "CREATE TABLE a (id TEXT PRIMARY KEY COLLATE NOCASE, n) WITHOUT ROWID; INSERT INTO a VALUES ('Ab', 1), ('c', 2)",
    rebuilt('id TEXT PRIMARY KEY COLLATE NOCASE, n', 'lower(id), n'),
  ],
  'rows that are put aside and taken back are there': [
    abc,
    ['CREATE TEMP TABLE s AS SELECT * FROM a', 'DELETE FROM a', 'INSERT INTO a SELECT * FROM s', 'DROP TABLE s'],
  ],
  'so are those that were deleted once a copy had them': [
    abc,
    [
      'CREATE TABLE b (id INTEGER PRIMARY KEY, n)',
      'INSERT INTO b SELECT * FROM a',
      'DELETE FROM a',
      'DROP TABLE a',
      'ALTER TABLE b RENAME TO a',
    ],
  ],
  'a row that a statement brought may go again': [abc, ["INSERT INTO a VALUES (9, 'q')", 'DELETE FROM a WHERE id = 9']],
  'rows without a key are known by their values where their rowids change': [
    "CREATE TABLE a (n, m); INSERT INTO a VALUES ('x', 1), ('y', 2), ('z', 3); DELETE FROM a WHERE n = 'x'",
    rebuilt('n, m'),
  ],
  'and by their rowids where a value changes': [
    "CREATE TABLE a (n, m); INSERT INTO a VALUES ('x', 1), ('y', 2)",
    rebuilt('n TEXT, m', 'upper(n), m'),
  ],
  'a rebuild by way of a view keeps its rows': [
    `${abc}; CREATE VIEW v AS SELECT * FROM a`,
    [
      'CREATE TABLE b (id INTEGER PRIMARY KEY, n)',
      'INSERT INTO b SELECT * FROM v',
      'DROP VIEW v',
      'DROP TABLE a',
      'ALTER TABLE b RENAME TO a',
    ],
  ],
  'a temporary table of the same name is another one': [
    abc,
    ['CREATE TEMP TABLE a AS SELECT 1', 'DELETE FROM a', 'DROP TABLE a'],
  ],
  'what a savepoint takes back is not done': [
    abc,
    [
      'SAVEPOINT s',
      'DROP TABLE a',
      'CREATE TABLE b (x)',
      'DELETE FROM b',
      'ROLLBACK TO s',
      'ALTER TABLE a RENAME TO c',
    ],
  ],
  'a search index is renamed and rebuilt with its words': [
    words,
    [
      'ALTER TABLE f RENAME TO g',
      'CREATE VIRTUAL TABLE h USING fts5(x)',
      'INSERT INTO h SELECT x FROM g',
      'DROP TABLE g',
      'ALTER TABLE h RENAME TO f',
    ],
  ],
  'one by way of a view too': [
    `${words}; CREATE VIEW v AS SELECT * FROM f`,
    [
      'CREATE VIRTUAL TABLE main.h USING fts5(x)',
      'INSERT INTO "main"."h" SELECT x FROM v',
      'DROP VIEW v',
      'DROP TABLE f',
      'ALTER TABLE h RENAME TO f',
    ],
  ],
  'a search index of rows that are elsewhere has none of its own': [
    `${abc}; CREATE VIRTUAL TABLE f USING fts5(n, content=a, content_rowid=id); INSERT INTO f(f) VALUES ('rebuild')`,
    ['DROP TABLE f'],
  ],
  'so has a virtual table that shows what is elsewhere': [
    `${words}; CREATE INDEX i ON f_docsize (sz); CREATE VIRTUAL TABLE v USING fts5vocab(f, row); CREATE VIRTUAL TABLE "d" USING "dbstat"`,
    ['ALTER TABLE f RENAME TO g', 'DROP INDEX i'],
  ],
  'rows of a key by a collation that only the hub has are known by it': [
    ofHub,
    ['ALTER TABLE a ADD COLUMN m', 'UPDATE a SET m = n'],
  ],
  'a row without a key or a rowid that comes back as it was is there': [
    "CREATE TABLE a (rowid, _rowid_, oid); INSERT INTO a VALUES ('x', 1, 2), ('y', 1, 2)",
    ["DELETE FROM a WHERE rowid = 'x'", "INSERT INTO a VALUES ('x', 1, 2)"],
  ],
}

const lost: Readonly<Record<string, readonly [setup: string, statements: readonly string[], told: object]>> = {
  'a table that was put into another one is gone, also under its name: keys would count for both': [
    `${abc}; CREATE TABLE b (id INTEGER PRIMARY KEY, n); INSERT INTO b VALUES (2, 'k')`,
    ['INSERT OR IGNORE INTO b SELECT * FROM a', 'DROP TABLE a', 'ALTER TABLE b RENAME TO a'],
    { rows: 3 },
  ],
  'a new table that had the names of two replaces one of them': [
    `${abc}; CREATE TABLE b (id INTEGER PRIMARY KEY, n); INSERT INTO b VALUES (2, 'k')`,
    [
      'CREATE TABLE c (id INTEGER PRIMARY KEY, n)',
      'INSERT INTO c SELECT * FROM a',
      'INSERT OR IGNORE INTO c SELECT * FROM b',
      'DROP TABLE a',
      'DROP TABLE b',
      'ALTER TABLE c RENAME TO a',
      'ALTER TABLE a RENAME TO b',
    ],
    { rows: 1 },
  ],
  'a row whose key a new one takes by UPDATE OR REPLACE': [
    abc,
    ["INSERT INTO a VALUES (9, 'q')", 'UPDATE OR REPLACE a SET id = 2 WHERE id = 9'],
    { rows: 1 },
  ],
  'the same where the new one had the key of a row that moved on': [
    abc,
    [
      'UPDATE a SET id = 8 WHERE id = 1',
      "INSERT INTO a VALUES (1, 'q')",
      'UPDATE OR REPLACE a SET id = 2 WHERE id = 1',
      'ALTER TABLE a RENAME TO b',
    ],
    { rows: 1 },
  ],
  "the same once the table was put in the place of another by a rebuild of one's own": [
    abc,
    [
      'PRAGMA legacy_alter_table = ON',
      'CREATE TABLE b (id INTEGER PRIMARY KEY, n TEXT)',
      'INSERT INTO b SELECT * FROM a',
      'DROP TABLE a',
      'ALTER TABLE b RENAME TO a',
      "INSERT INTO a VALUES (9, 'q')",
      'UPDATE OR REPLACE a SET id = 2 WHERE id = 9',
    ],
    { rows: 1 },
  ],
  'a row without a key, whose rowid another one takes': [
    "CREATE TABLE a (n); INSERT INTO a VALUES ('x'), ('y')",
    ["INSERT INTO a (rowid, n) VALUES (9, 'q')", 'UPDATE OR REPLACE a SET rowid = 2 WHERE rowid = 9'],
    { rows: 1 },
  ],
  'a row that moved, and whose new key a new one takes': [
    'CREATE TABLE a (x, y, PRIMARY KEY (x, y)) WITHOUT ROWID; INSERT INTO a VALUES (1, 1), (2, 2)',
    ['UPDATE a SET x = 3 WHERE x = 2', 'INSERT INTO a VALUES (9, 2)', 'UPDATE OR REPLACE a SET x = 3 WHERE x = 9'],
    { rows: 1 },
  ],
  'a word that another one replaces is gone, however it was deleted': [
    words,
    [
      'WITH gone AS (SELECT 1 AS it) DELETE FROM f WHERE rowid IN (SELECT it FROM gone)',
      "INSERT INTO f VALUES ('new')",
    ],
    { rows: 1, example: "'one'" },
  ],
  'so is one that a trigger deletes': [
    `${words}; CREATE TABLE a (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM f WHERE rowid = new.x; END`,
    ['INSERT INTO a VALUES (1)', "INSERT INTO f (rowid, x) VALUES (1, 'new')"],
    { rows: 1, example: "'one'" },
  ],
  'a row that REPLACE takes away is gone': [
    "CREATE TABLE a (id INTEGER PRIMARY KEY, n UNIQUE); INSERT INTO a VALUES (1, 'x')",
    ["REPLACE INTO a VALUES (2, 'x')"],
    { rows: 1, example: '1' },
  ],
  'so is one whose key another one takes': [
    abc,
    ['UPDATE OR REPLACE a SET id = 2 WHERE id = 1', "INSERT INTO a VALUES (9, 'q')"],
    { rows: 1, example: '2' },
  ],
  'a key that SQLite gives again is another row': [
    abc,
    ['DELETE FROM a WHERE id = 3', "INSERT INTO a (n) VALUES ('q')"],
    { rows: 1 },
  ],
  'so it is after the row got that key, and after a rebuild': [
    abc,
    [
      'UPDATE a SET id = 4 WHERE id = 3',
      ...rebuilt('id INTEGER PRIMARY KEY, n'),
      'DELETE FROM a WHERE id = 4',
      "INSERT INTO a (n) VALUES ('q')",
    ],
    { rows: 1 },
  ],
  'a row made anew under its key is another row, though a rebuild copies it': [
    abc,
    ['DELETE FROM a WHERE id = 3', "INSERT INTO a VALUES (3, 'q')", ...rebuilt('id INTEGER PRIMARY KEY, n')],
    { rows: 1 },
  ],
  'a table made anew has other rows, though their keys are the same': [
    abc,
    ['DROP TABLE a', 'CREATE TABLE a (id INTEGER PRIMARY KEY, level)', 'INSERT INTO a VALUES (1, 1), (2, 2), (3, 3)'],
    { rows: 3 },
  ],
  'a rebuild that leaves a row out loses it, though another comes': [
    abc,
    rebuilt('id INTEGER PRIMARY KEY, n', 'CASE id WHEN 3 THEN 4 ELSE id END, n'),
    { rows: 1, example: '3' },
  ],
  'an old table that gets the name of one that was dropped has its own rows': [
    `${abc}; CREATE TABLE b (id INTEGER PRIMARY KEY, n); INSERT INTO b VALUES (1, 'x'), (2, 'y'), (3, 'z')`,
    ['DROP TABLE a', 'ALTER TABLE b RENAME TO a'],
    { rows: 3, example: null },
  ],
  'a row without a key that goes while another comes is gone': [
    "CREATE TABLE a (rowid, _rowid_, oid); INSERT INTO a VALUES ('x', 1, 2), ('y', 1, 2)",
    ["DELETE FROM a WHERE rowid = 'x'", "INSERT INTO a VALUES ('z', 1, 2)"],
    { rows: 1 },
  ],
  'a key that is nowhere any more leaves the numbers': [
    "CREATE TABLE a (x PRIMARY KEY, n); INSERT INTO a VALUES (1, 'x'), (2, 'y')",
    ['CREATE TABLE b (n)', "INSERT INTO b SELECT n FROM a WHERE n = 'x'", 'DROP TABLE a', 'ALTER TABLE b RENAME TO a'],
    { rows: 1 },
  ],
  'a row that goes while another comes is gone, though a savepoint took back the first change to its table': [
    abc,
    [
      'SAVEPOINT s',
      "UPDATE a SET n = 'q'",
      'ROLLBACK TO s',
      'DELETE FROM a WHERE id = 3',
      "INSERT INTO a VALUES (3, 'q')",
    ],
    { rows: 1 },
  ],
  'so it is where other tables were written meanwhile, and where the text begins with a stray semicolon': [
    `${abc}; CREATE TABLE b (x); CREATE TABLE c (x); CREATE TABLE d (x); INSERT INTO d VALUES (1)`,
    [
      "UPDATE a SET n = n || ''",
      'INSERT INTO b VALUES (1)',
      'DELETE FROM d WHERE x = 2',
      'INSERT INTO c VALUES (1)',
      ';DELETE FROM a WHERE id = 3',
      "INSERT INTO a VALUES (3, 'q')",
    ],
    { rows: 1 },
  ],
  'so it is where all rows are deleted at once, by a trigger of another table': [
    `${abc}; CREATE TABLE b (x); CREATE TRIGGER t AFTER INSERT ON b BEGIN DELETE FROM a; END`,
    ['INSERT INTO b VALUES (1)', "INSERT INTO a VALUES (1, 'x'), (2, 'y'), (3, 'q')"],
    { name: 'a' },
  ],
  'so it is where the trigger is that of a view, and calls another one': [
    `${abc}; CREATE TABLE b (x); CREATE VIEW v AS SELECT * FROM b;
     CREATE TRIGGER t INSTEAD OF UPDATE ON v BEGIN INSERT INTO b VALUES (3); END;
     CREATE TRIGGER u AFTER INSERT ON b BEGIN DELETE FROM a WHERE id = new.x; END; INSERT INTO b VALUES (9)`,
    ['UPDATE v SET x = 1', "INSERT INTO a VALUES (3, 'q')"],
    { rows: 1 },
  ],
  'so it is where the trigger is a temporary one': [
    `${abc}; CREATE TABLE b (x)`,
    [
      'CREATE TEMP TRIGGER t AFTER INSERT ON main.b BEGIN DELETE FROM a WHERE id = new.x; END',
      'INSERT INTO b VALUES (3)',
      "INSERT INTO a VALUES (3, 'q')",
      'DROP TRIGGER t',
    ],
    { rows: 1 },
  ],
  'so it is after an upsert gave it another key': [
    "CREATE TABLE a (id TEXT PRIMARY KEY, n UNIQUE) WITHOUT ROWID; INSERT INTO a VALUES ('1', 'x'), ('2', 'y')",
    [
      "INSERT INTO a VALUES ('3', 'x') ON CONFLICT (n) DO UPDATE SET id = excluded.id",
      "DELETE FROM a WHERE id = '3'",
      "INSERT INTO a VALUES ('1', 'q')",
    ],
    { rows: 1 },
  ],
  'a row goes of a table with an index by a collation that only the hub has': [ofHub, ['DROP TABLE a'], { rows: 2 }],
  'a word of a search index that goes while another comes is gone': [
    words,
    ["DELETE FROM f WHERE x = 'two'", "INSERT INTO f VALUES ('three')"],
    { rows: 1, example: "'two'" },
  ],
}

for (const [mode, most] of [['wal'], ['backup'], ['keys'], ['wal', 0]] as const) {
  const way = most === undefined ? mode : 'of many tables'
  for (const [title, [setup, statements]] of Object.entries(kept))
    t.test(`${title} (${way})`, async t => t.strictSame(await tell(t, mode, setup, statements, most), []))
  for (const [title, [setup, statements, told]] of Object.entries(lost))
    t.test(`${title} (${way})`, async t => {
      const { example: _, ...rows } = { example: null, ...told }
      const found = await tell(t, mode, setup, statements, most)
      t.match(found.at(-1), mode === 'keys' ? rows : told)
    })
}

/** A database in memory with a ledger of which more than two tables are many; `ran` are the statements of both. */
const openMany = (tables: number, setup = '') => {
  const ran: string[] = []
  const connection = new Database(':memory:', { verbose: sql => void ran.push(String(sql)) })
  for (let index = 0; index < tables; index += 1) connection.exec(`CREATE TABLE t${index} (id INTEGER PRIMARY KEY, n)`)
  connection.exec(`PRAGMA foreign_keys = OFF; BEGIN; ${setup}`)
  const ledger = openLedger(connection, { history: 'SequelizeMeta', backup: undefined, most: 2 })
  const { length: opened } = ran
  const migrate = async (statements: readonly string[]): Promise<Changes> => {
    await ledger.begin([])
    await runStatements(connection, ledger, statements)
    return ledger.end()
  }
  return { connection, ledger, migrate, opened, after: () => ran.slice(opened) }
}
const isOf = (what: RegExp) => (sql: string) => what.test(sql)

for (const [title, statements] of Object.entries({
  'makes a table': ['CREATE TABLE more (id INTEGER PRIMARY KEY)'],
  'writes one': ["INSERT INTO t1 VALUES (1, 'x')", "UPDATE t1 SET n = 'y'", 'DELETE FROM t1'],
  'renames one': ['ALTER TABLE t1 RENAME TO u'],
}))
  t.test(`a migration that ${title} runs as many statements among ten tables as among forty`, async t => {
    const [ten, forty] = [openMany(10), openMany(40)]
    for (const { migrate } of [ten, forty]) await migrate(statements)
    t.equal(forty.after().length, ten.after().length, forty.after().join('\n'))
    t.ok(forty.opened < ten.opened * 4)
    t.ok(
      forty.after().filter(isOf(/count\(\*\) FROM main/)).length < 3,
      'it counts only what it wrote, and what is new',
    )
    t.notOk(forty.after().some(isOf(/foreign_key_check/)), 'it checks the foreign keys of tables that have some')
    for (const { connection } of [ten, forty]) connection.close()
  })

t.test('of tables that are written one after the other few have triggers at a time', async t => {
  const { connection, migrate } = openMany(40)
  await migrate(Array.from({ length: 40 }, (_, index) => `INSERT INTO t${index} VALUES (1, 'x')`))
  const triggers = "SELECT count(*) FROM sqlite_temp_schema WHERE type = 'trigger'"
  t.ok(Number(connection.prepare(triggers).pluck().get()) <= 12)
  connection.close()
})

t.test('rows are counted again, though the statement that took them failed, or was taken back in part', async t => {
  const trigger = `CREATE TRIGGER t AFTER INSERT ON t0 BEGIN
    DELETE FROM t1 WHERE id = new.id; SELECT raise(FAIL, 'no') WHERE new.id > 1; END;
    INSERT INTO t1 VALUES (1, 'x'), (2, 'y'), (3, 'z'); INSERT INTO t2 VALUES (1, 'x'), (2, 'y')`
  const { connection, ledger, migrate } = openMany(5, trigger)
  await ledger.begin([])
  await t.rejects(runStatements(connection, ledger, ["INSERT INTO t0 VALUES (2, 'x')"]))
  const leftOf = ({ tables }: Changes) => tables.map(({ left }) => left)
  t.strictSame(leftOf(await ledger.end()), [1, 2, 2, 0, 0])
  const undone = ['DELETE FROM t2 WHERE id = 1', 'SAVEPOINT s', 'DELETE FROM t2', 'DROP TABLE t3', 'ROLLBACK TO s']
  t.strictSame(leftOf(await migrate(undone)), [1, 2, 1, 0, 0])
  t.strictSame(leftOf(await migrate(['DROP TABLE t1', 'CREATE TABLE t1 (id INTEGER PRIMARY KEY, n)'])), [1, 0, 1, 0, 0])
  connection.close()
})

for (const [title, later] of Object.entries({
  'is rebuilt': [
    'CREATE TABLE n (q REFERENCES t1 (id))',
    'INSERT INTO n SELECT q FROM c',
    'DROP TABLE c',
    'ALTER TABLE n RENAME TO c',
  ],
  'is rebuilt, and renames it again': [
    'CREATE TABLE n (q REFERENCES t1 (id))',
    'INSERT INTO n SELECT q FROM c',
    'DROP TABLE c',
    'ALTER TABLE n RENAME TO c',
    'ALTER TABLE c RENAME COLUMN q TO r',
  ],
  'renames it again': ['ALTER TABLE c RENAME COLUMN q TO r'],
}))
  t.test(
    `a row without a parent is no new one where an earlier migration renamed its column, and its table ${title}`,
    async t => {
      const { connection, migrate } = openMany(5, 'CREATE TABLE c (p REFERENCES t1 (id)); INSERT INTO c VALUES (99)')
      t.strictSame((await migrate(['ALTER TABLE c RENAME COLUMN p TO q'])).orphans, [])
      t.strictSame((await migrate(later)).orphans, [])
      t.strictSame((await migrate(["INSERT INTO t2 VALUES (5, 'x')"])).orphans, [])
      t.match((await migrate(['INSERT INTO c VALUES (98)'])).orphans, [{ table: 'c', parent: 't1', rows: 1 }])
      connection.close()
    },
  )

t.test('a foreign key that breaks among many tables is told, wherever the statement was that broke it', async t => {
  const keys = `CREATE TABLE c (id INTEGER PRIMARY KEY, p references t1 (id)); INSERT INTO t1 VALUES (1, 'x'), (2, 'y');
    INSERT INTO c VALUES (1, 1)`
  const { connection, migrate } = openMany(5, keys)
  t.match((await migrate(['DELETE FROM t1 WHERE id = 1'])).orphans, [{ table: 'c', parent: 't1', rows: 1 }])
  t.match((await migrate(['ALTER TABLE t2 ADD COLUMN q REFERENCES c (p)'])).unchecked, [{ table: 't2' }])
  connection.close()
})

t.test(
  'a column that is added with values that no parent has is told, where rows were without a parent before',
  async t => {
    const { connection, migrate } = openMany(
      2,
      'CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES t1 (id)); INSERT INTO c VALUES (1, 98)',
    )
    const { orphans } = await migrate(['ALTER TABLE c ADD COLUMN q REFERENCES t1 (id)', 'UPDATE c SET q = 99'])
    t.strictSame(orphans, [{ table: 'c', parent: 't1', rows: 1 }])
    connection.close()
  },
)

t.test('rows of a table without rowids whose parent goes are told', async t => {
  const { connection, migrate } = openMany(
    2,
    'CREATE TABLE c (k PRIMARY KEY, p REFERENCES t1) WITHOUT ROWID; INSERT INTO t1 VALUES (1, 1); INSERT INTO c VALUES (1, 1), (2, NULL)',
  )
  t.strictSame((await migrate(['DROP TABLE t1'])).orphans, [{ table: 'c', parent: 't1', rows: 1 }])
  connection.close()
})

t.test('a virtual table that only the hub can read is left alone', async t => {
  const connection = new Database(':memory:')
  connection.unsafeMode(true)
  connection.exec(`${abc}; PRAGMA writable_schema = ON;
    INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING vec0 (x)');
    PRAGMA writable_schema = RESET; BEGIN`)
  const ledger = openLedger(connection, { history: 'SequelizeMeta', backup: undefined })
  await ledger.begin([])
  await runStatements(connection, ledger, ['ALTER TABLE a ADD COLUMN m'])
  t.match((await ledger.end()).tables, [
    { name: 'a', rows: 3, left: 3 },
    { name: 'v', rows: 0, left: 0 },
  ])
  t.strictSame(await ledger.missing(), [])
  connection.close()
})

t.test('a view that breaks is told, and one that nothing happened to is not read again', async t => {
  const { connection, migrate, after } = openMany(5, 'CREATE VIEW v AS SELECT n FROM t1')
  await migrate(["INSERT INTO t2 VALUES (1, 'x')"])
  t.notOk(after().some(isOf(/type = 'view'/)))
  t.match((await migrate(['SAVEPOINT s', 'DROP TABLE t2', 'ROLLBACK TO s', 'DROP TABLE t1'])).unreadable, [
    { name: 'v' },
  ])
  connection.close()
})

t.test('a copy with bound values is a copy', async t => {
  const connection = new Database(':memory:')
  connection.exec(`BEGIN; ${abc}`)
  const ledger = openLedger(connection, { history: 'SequelizeMeta', backup: undefined })
  await ledger.begin([])
  const sequelize = connectHandle(createHandle(connection), ledger.around)
  await sequelize.query('CREATE TABLE b (id INTEGER PRIMARY KEY, n)')
  await sequelize.query('INSERT INTO b SELECT id, n || $1 FROM a', { bind: ['!'] })
  for (const sql of ['DROP TABLE a', 'ALTER TABLE b RENAME TO a']) await sequelize.query(sql)
  t.match((await ledger.end()).tables, [{ rows: 3, left: 3 }])
  t.strictSame(await ledger.missing(), [])
  connection.close()
})

t.test('what a migration asks of its own statements is answered as without the ledger', async t => {
  const connection = new Database(':memory:')
  connection.exec(`BEGIN; ${abc}`)
  const ledger = openLedger(connection, { history: 'SequelizeMeta', backup: undefined })
  await ledger.begin([])
  await runStatements(connection, ledger, ["INSERT INTO a VALUES (42, 'q')", 'CREATE TABLE z (x)'])
  t.equal(connection.prepare('SELECT last_insert_rowid()').pluck().get(), 42)
  await runStatements(connection, ledger, ['DELETE FROM a WHERE id < 3'])
  t.equal(connection.prepare('SELECT changes()').pluck().get(), 2)
  connection.close()
})
