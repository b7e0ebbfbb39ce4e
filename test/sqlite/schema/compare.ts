import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { describeIndex, differ, inOneLine } from '../../../src/sqlite/schema/compare.ts'
import { compareSql } from '../../help/compare.ts'
import { root } from '../../help/program.ts'

/** Compares two definitions of the table `a`. */
const compare = (expected: string, found: string, adopted = false) =>
  compareSql(`CREATE TABLE a (${expected})`, `CREATE TABLE a (${found})`, adopted)

for (const [title, expected, found] of [
  ['order', 'x TEXT, y REAL', 'y REAL, x TEXT'],
  ['quotes', 'x TEXT', '"x" TEXT'],
  ['letter case of a type', 'x TEXT', 'x text'],
  ['DEFAULT NULL', 'x TEXT', 'x TEXT DEFAULT NULL'],
  ['parentheses around a default', 'x DEFAULT CURRENT_TIMESTAMP', 'x DEFAULT (current_timestamp)'],
  ['the quotes of a default', `x DEFAULT 'a'`, `x DEFAULT "a"`],
  ['a number in quotes', "x INTEGER DEFAULT '22', y REAL DEFAULT '1.50'", 'x INTEGER DEFAULT 22, y REAL DEFAULT 1.5'],
  ['a number for a text', "x TEXT DEFAULT '22'", 'x TEXT DEFAULT 22'],
  ['a truth value', 'x BOOLEAN DEFAULT true, y DEFAULT FALSE', 'x BOOLEAN DEFAULT 1, y DEFAULT 0'],
  ['the case of a name', 'X TEXT', 'x TEXT'],
  ['NOT NULL of a rowid', 'x INTEGER PRIMARY KEY', 'x INTEGER NOT NULL PRIMARY KEY'],
  ['space and quotes in an expression', 'x, y AS (lower(x))', 'x, y AS ( LOWER( "x" ) )'],
] as const) {
  t.test(`${title} is no difference`, async t => {
    t.strictSame(compare(expected, found), [])
    t.strictSame(compare(found, expected), [])
  })
}

for (const [title, expected, found, finding] of [
  ['a missing column', 'x, y TEXT NOT NULL', 'x', 'column a.y missing: TEXT NOT NULL -> nothing'],
  ['an additional column', 'x', "x, y DEFAULT 'b'", "column a.y extra: nothing -> no type DEFAULT 'b'"],
  ['another affinity', 'x REAL', 'x VARCHAR(5)', 'column a.x affinity: REAL (REAL) -> TEXT (VARCHAR(5))'],
  ['a looser NOT NULL', 'x NOT NULL', 'x', 'column a.x NULL: NOT NULL -> NULL'],
  ['another default', "x DEFAULT 'a'", "x DEFAULT 'A'", "column a.x default: 'a' -> 'A'"],
  ['a text that is no number', "x INTEGER DEFAULT '22x'", 'x INTEGER DEFAULT 22', "column a.x default: '22x' -> 22"],
  ['a number in quotes without affinity', "x DEFAULT '22'", 'x DEFAULT 22', "column a.x default: '22' -> 22"],
  [
    'a text that only looks like a number',
    "x TEXT DEFAULT '1.50'",
    'x TEXT DEFAULT 1.5',
    "column a.x default: '1.50' -> 1.5",
  ],
  [
    'numbers beyond 2^53',
    'x INTEGER DEFAULT 9007199254740993',
    'x INTEGER DEFAULT 9007199254740992',
    'column a.x default: 9007199254740993 -> 9007199254740992',
  ],
  ['an additional default', 'x', "x DEFAULT ''", "column a.x default: nothing -> ''"],
  ['a missing key', 'x TEXT PRIMARY KEY', 'x TEXT', 'column a.x place in the primary key: 1 -> nothing'],
  [
    'a key that SQLite does not number',
    'x INTEGER PRIMARY KEY',
    'x BIGINT NOT NULL PRIMARY KEY',
    'column a.x rowid: numbered by SQLite -> a key of its own',
  ],
  ['a column that is not computed', 'x, y AS (x)', 'x, y', 'column a.y computed: virtual x -> nothing'],
  ['a stored one', 'x, y AS (x)', 'x, y AS (x) STORED', 'column a.y computed: virtual x -> stored x'],
  ['another expression', 'x, y AS (x + 1)', 'x, y AS (x + 2)', 'column a.y computed: virtual x + 1 -> virtual x + 2'],
  ['another collation', 'x', 'x COLLATE NOCASE', 'column a.x collation: BINARY -> NOCASE'],
] as const) {
  t.test(`${title} is a difference, in an adopted database too`, async t => {
    for (const adopted of [false, true]) {
      const differences = compare(expected, found, adopted).filter(line => !line.startsWith('information'))
      t.strictSame(differences, [`difference ${finding}`])
    }
  })
}

t.test('another place in the key is one for each column', async t => {
  t.strictSame(compare('x, y, PRIMARY KEY (x, y)', 'x, y, PRIMARY KEY (y, x)', true), [
    'difference column a.x place in the primary key: 1 -> 2',
    'difference column a.y place in the primary key: 2 -> 1',
  ])
})

for (const [title, expected, found, finding] of [
  ['a stricter NOT NULL', 'x', 'x NOT NULL', 'column a.x NULL: NULL -> NOT NULL'],
  ['a missing default', "x DEFAULT 'a'", 'x', "column a.x default: 'a' -> nothing"],
] as const) {
  t.test(`${title} is tolerated in an adopted database, and a difference in another`, async t => {
    t.strictSame(compare(expected, found, true), [`tolerated ${finding}`])
    t.strictSame(compare(expected, found), [`difference ${finding}`])
  })
}

t.test('another name of a type of the same affinity is information', async t => {
  for (const adopted of [false, true])
    t.strictSame(compare('x TIMESTAMP, y', 'x DATETIME, y BLOB', adopted), [
      'information column a.x type name: TIMESTAMP -> DATETIME',
      'information column a.y type name: no type -> BLOB',
    ])
})

/** Compares the table `a (x, y)` with some indexes. */
const compareIndexSets = (expected: string, found: string) => {
  const withTable = (sql: string) => (sql.startsWith('CREATE TABLE') ? sql : `CREATE TABLE a (x, y); ${sql}`)
  return compareSql(withTable(expected), withTable(found), true)
}

for (const [title, expected, found] of [
  ['ASC', 'CREATE INDEX i ON a (x, y)', 'create index "i" on "a" ("x" ASC, y COLLATE binary)'],
  ['quotes', "CREATE INDEX i ON a (lower(x)) WHERE y = 'b'", 'CREATE INDEX i ON a (LOWER("x")) WHERE "y"=\'b\''],
  ['a unique index in place of a constraint', 'CREATE TABLE a (x, y UNIQUE)', 'CREATE UNIQUE INDEX i ON a (y)'],
] as const) {
  t.test(`${title} is no difference`, async t => t.strictSame(compareIndexSets(expected, found), []))
}

for (const [title, expected, found, ...findings] of [
  ['a missing index', 'CREATE INDEX i ON a (x)', '', 'index i on a missing: (x) -> nothing'],
  [
    'other columns',
    'CREATE INDEX i ON a (x, y)',
    'CREATE INDEX i ON a (y, x)',
    'index i on a definition: (x, y) -> (y, x)',
  ],
  [
    'another direction',
    'CREATE INDEX i ON a (x)',
    'CREATE INDEX i ON a (x DESC)',
    'index i on a definition: (x) -> (x DESC)',
  ],
  [
    'another collation',
    'CREATE INDEX i ON a (x)',
    'CREATE INDEX i ON a (x COLLATE NOCASE)',
    'index i on a definition: (x) -> (x COLLATE NOCASE)',
  ],
  [
    'another condition',
    'CREATE INDEX i ON a (x) WHERE y > 1',
    'CREATE INDEX i ON a (x)',
    'index i on a definition: (x) WHERE y > 1 -> (x)',
  ],
  ['UNIQUE', 'CREATE INDEX i ON a (x)', 'CREATE UNIQUE INDEX i ON a (x)', 'index i on a definition: (x) -> UNIQUE (x)'],
  ['an additional unique index', '', 'CREATE UNIQUE INDEX i ON a (x)', 'index i on a extra: nothing -> UNIQUE (x)'],
  ['an additional constraint', '', 'CREATE TABLE a (x UNIQUE, y)', 'unique a (x) extra: nothing -> UNIQUE (x)'],
  [
    'a missing constraint',
    'CREATE TABLE a (x, y, UNIQUE (x, y))',
    '',
    'unique a (x, y) missing: UNIQUE (x, y) -> nothing',
  ],
] as const) {
  t.test(`${title} is a difference`, async t => {
    t.strictSame(
      compareIndexSets(expected, found),
      findings.map(finding => `difference ${finding}`),
    )
  })
}

t.test('an additional index is information', async t => {
  t.strictSame(compareIndexSets('', 'CREATE INDEX i ON a (x)'), ['information index i on a extra: nothing -> (x)'])
})

t.test('the same index under another name is tolerated in an adopted database, and missing in another', async t => {
  const both = (index: string, found: string) =>
    [true, false].map(adopted => compareSql(`CREATE TABLE a (x); ${index}`, found, adopted))
  t.strictSame(both('CREATE UNIQUE INDEX i ON a (x)', 'CREATE TABLE a (X UNIQUE)'), [
    ['tolerated index i on a name: i -> UNIQUE of the table'],
    ['difference index i on a missing: UNIQUE (x) -> nothing'],
  ])
  t.strictSame(both('CREATE INDEX i ON a (x)', 'CREATE TABLE a (x); CREATE INDEX j ON a (x)'), [
    ['tolerated index i on a name: i -> j'],
    ['difference index i on a missing: (x) -> nothing', 'information index j on a extra: nothing -> (x)'],
  ])
})

t.test('a unique constraint without a name may have the one that this program gave it once', async t => {
  t.strictSame(compareIndexSets('CREATE UNIQUE INDEX a_x_uk ON a (x)', 'CREATE UNIQUE INDEX A_x_unique ON a (X)'), [])
  t.strictSame(compareIndexSets('CREATE UNIQUE INDEX a_x_uk ON a (x)', 'CREATE UNIQUE INDEX a_x_unique ON a (y)'), [
    'difference index a_x_uk on a missing: UNIQUE (x) -> nothing',
    'difference index a_x_unique on a extra: nothing -> UNIQUE (y)',
  ])
})

t.test('an index is described in a line', async t => {
  const parts = [
    { of: 'x', collation: 'NOCASE', descending: true },
    { of: 'y', collation: 'BINARY', descending: false },
  ]
  t.equal(describeIndex({ unique: true, parts, where: 'x > 1' }), 'UNIQUE (x COLLATE NOCASE DESC, y) WHERE x > 1')
})

const schema = readFileSync(join(root, 'migrations/schema.sql'), 'utf8')
const trigger = (name: string, table: string, said = '1') =>
  `CREATE TRIGGER ${name} AFTER INSERT ON ${table} BEGIN SELECT ${said}; END;`

t.test('a structure is as itself', async t => t.strictSame(compareSql(schema, schema), []))

for (const [title, expected, found] of [
  ['order', 'CREATE TABLE a (x); CREATE TABLE b (y)', 'CREATE TABLE b (y); CREATE TABLE a (x)'],
  ['rows', 'CREATE TABLE a (x)', 'CREATE TABLE a (x); INSERT INTO a VALUES (1)'],
  [
    'space, comments and quotes in views and triggers',
    `CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a; ${trigger('r', 'a')}`,
    `CREATE TABLE a (x); CREATE VIEW "v" AS /* so */ select "x"\nfrom a; ${trigger('"r"', '"a"')}`,
  ],
] as const) {
  t.test(`${title} is no difference`, async t => t.strictSame(compareSql(expected, found), []))
}

for (const [title, expected, found, finding] of [
  ['a missing table', 'CREATE TABLE a (x, y)', '', 'table a missing: x, y -> nothing'],
  ['a missing virtual table', 'CREATE VIRTUAL TABLE a USING fts5(x)', '', 'table a missing: virtual -> nothing'],
  ['a missing view', 'CREATE VIEW v AS SELECT 1', '', 'view v missing: CREATE VIEW v AS SELECT 1 -> nothing'],
  [
    'another view',
    'CREATE VIEW v AS SELECT 1',
    'CREATE VIEW v AS SELECT 2',
    'view v definition: CREATE VIEW v AS SELECT 1 -> CREATE VIEW v AS SELECT 2',
  ],
  [
    'a view that the migrations broke, as they always do,',
    'CREATE VIEW v AS SELECT x FROM gone',
    'CREATE VIEW v AS SELECT x FROM gone',
    'view v cannot be read: nothing -> no such table: main.gone',
  ],
  [
    'a missing trigger',
    `CREATE TABLE a (x); ${trigger('r', 'a')}`,
    'CREATE TABLE a (x)',
    'trigger r missing: CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END -> nothing',
  ],
  [
    'an additional trigger on an expected table',
    'CREATE TABLE a (x)',
    `CREATE TABLE a (x); ${trigger('r', 'a')}`,
    'trigger r extra: nothing -> CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END',
  ],
  [
    'a string in a trigger in other letters',
    `CREATE TABLE a (x); ${trigger('r', 'a', "'b'")}`,
    `CREATE TABLE a (x); ${trigger('r', 'a', "'B'")}`,
    "trigger r definition: CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 'b'; END -> CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 'B'; END",
  ],
] as const) {
  t.test(`${title} is a difference, in an adopted database too`, async t => {
    for (const adopted of [false, true]) t.strictSame(compareSql(expected, found, adopted), [`difference ${finding}`])
  })
}

for (const [title, found, ...findings] of [
  ['table', 'CREATE TABLE a (x)', 'table a extra: nothing -> x'],
  ['view', 'CREATE VIEW v AS SELECT 1', 'view v extra: nothing -> CREATE VIEW v AS SELECT 1'],
  [
    'view that cannot be read',
    'CREATE VIEW v AS SELECT 1 FROM gone',
    'view v extra: nothing -> CREATE VIEW v AS SELECT 1 FROM gone',
    'view v cannot be read: nothing -> no such table: main.gone',
  ],
  [
    'table with a trigger',
    `CREATE TABLE a (x); ${trigger('r', 'a')}`,
    'table a extra: nothing -> x',
    'trigger r extra: nothing -> CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END',
  ],
] as const) {
  t.test(`an additional ${title} is information`, async t => {
    t.strictSame(
      compareSql('', found),
      findings.map(finding => `information ${finding}`),
    )
  })
}

t.test('an additional trigger on an expected view changes what a write does', async t => {
  const view = 'CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a'
  const found = `${view}; CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1; END`
  t.match(compareSql(view, found), [/^difference trigger r extra/])
})

for (const [title, expected, found] of [
  ['the name of a CHECK', 'CREATE TABLE a (x CHECK (x > 0))', 'CREATE TABLE a (x, CONSTRAINT c CHECK (X>0))'],
  [
    'the columns of a parent that are its key anyway',
    'CREATE TABLE p (k PRIMARY KEY); CREATE TABLE a (x REFERENCES p)',
    'CREATE TABLE p (k PRIMARY KEY); CREATE TABLE a (x, FOREIGN KEY (x) REFERENCES P (K) ON DELETE NO ACTION)',
  ],
  ['the case of a virtual table', 'CREATE VIRTUAL TABLE a USING fts5(x)', 'create virtual table a using FTS5( x )'],
] as const) {
  t.test(`${title} is no difference`, async t => {
    t.strictSame(compareSql(expected, found), [])
    t.strictSame(compareSql(found, expected), [])
  })
}

const parent = 'CREATE TABLE p (k PRIMARY KEY, l UNIQUE);'
for (const [title, expected, found, ...findings] of [
  [
    'WITHOUT ROWID',
    'CREATE TABLE a (x NOT NULL PRIMARY KEY)',
    'CREATE TABLE a (x PRIMARY KEY) WITHOUT ROWID',
    'table a WITHOUT ROWID: no -> yes',
  ],
  ['STRICT', 'CREATE TABLE a (x INT)', 'CREATE TABLE a (x INT) STRICT', 'table a STRICT: no -> yes'],
  ['a missing CHECK', 'CREATE TABLE a (x CHECK (x > 0))', 'CREATE TABLE a (x)', 'table a CHECK: x > 0 -> nothing'],
  ['an additional CHECK', 'CREATE TABLE a (x)', 'CREATE TABLE a (x CHECK (x > 0))', 'table a CHECK: nothing -> x > 0'],
  [
    'ON CONFLICT',
    'CREATE TABLE a (x NOT NULL)',
    'CREATE TABLE a (x NOT NULL ON CONFLICT IGNORE)',
    'table a ON CONFLICT: nothing -> x NOT NULL ON CONFLICT IGNORE',
  ],
  [
    'a missing foreign key',
    `${parent} CREATE TABLE a (x REFERENCES p)`,
    `${parent} CREATE TABLE a (x)`,
    'foreign key a (x) to p (k) missing: ON DELETE NO ACTION, ON UPDATE NO ACTION, checked at each statement -> nothing',
  ],
  [
    'a foreign key to another column',
    `${parent} CREATE TABLE a (x REFERENCES p (k))`,
    `${parent} CREATE TABLE a (x REFERENCES p (l) ON DELETE SET NULL)`,
    'foreign key a (x) to p (k) missing: ON DELETE NO ACTION, ON UPDATE NO ACTION, checked at each statement -> nothing',
    'foreign key a (x) to p (l) extra: nothing -> ON DELETE SET NULL, ON UPDATE NO ACTION, checked at each statement',
  ],
  [
    'another virtual table',
    'CREATE VIRTUAL TABLE a USING fts5(x)',
    'CREATE VIRTUAL TABLE a USING fts5(y)',
    'table a definition: CREATE VIRTUAL TABLE a USING fts5(x) -> CREATE VIRTUAL TABLE a USING fts5(y)',
  ],
  [
    'a table that is not virtual',
    'CREATE VIRTUAL TABLE a USING fts5(x)',
    'CREATE TABLE a (x)',
    'table a definition: CREATE VIRTUAL TABLE a USING fts5(x) -> CREATE TABLE a (x)',
  ],
] as const) {
  t.test(`${title} is a difference, in an adopted database too`, async t => {
    for (const adopted of [false, true])
      t.strictSame(
        compareSql(expected, found, adopted),
        findings.map(finding => `difference ${finding}`),
      )
  })
}

for (const [title, expected, found, ...findings] of [
  [
    'a missing AUTOINCREMENT',
    'CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT)',
    'CREATE TABLE a (x INTEGER PRIMARY KEY)',
    'table a AUTOINCREMENT: yes -> no',
  ],
  [
    'what else a foreign key does',
    `${parent} CREATE TABLE a (x REFERENCES p)`,
    `${parent} CREATE TABLE a (x REFERENCES p ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED)`,
    'foreign key a (x) to p (k) ON DELETE: NO ACTION -> CASCADE',
    'foreign key a (x) to p (k) ON UPDATE: NO ACTION -> SET NULL',
    'foreign key a (x) to p (k) checked at: each statement -> COMMIT',
  ],
  [
    'TINYINT for BOOLEAN',
    'CREATE TABLE a (x BOOLEAN DEFAULT 1)',
    "CREATE TABLE a (x TINYINT(1) DEFAULT '1')",
    'column a.x affinity: NUMERIC (BOOLEAN) -> INTEGER (TINYINT(1))',
  ],
  [
    'a CHECK that keeps a boolean',
    'CREATE TABLE a (x BOOLEAN)',
    'CREATE TABLE a (x BOOLEAN, CHECK ("X" in (0,1)))',
    'table a CHECK: nothing -> "X" in (0,1)',
  ],
] as const) {
  t.test(`${title} is tolerated in an adopted database, and a difference in another`, async t => {
    for (const adopted of [true, false])
      t.strictSame(
        compareSql(expected, found, adopted),
        findings.map(finding => `${adopted ? 'tolerated' : 'difference'} ${finding}`),
      )
  })
}

t.test('in one line there are no breaks and comments, and strings stay', async t => {
  t.equal(inOneLine("CREATE VIEW v AS -- so\n  SELECT 'a  b'"), "CREATE VIEW v AS SELECT 'a  b'")
})

t.test('foreign keys of the same columns to the same parent are told apart by their actions', async t => {
  const two =
    'CREATE TABLE P (k PRIMARY KEY); CREATE TABLE a (x REFERENCES p, CONSTRAINT f FOREIGN KEY (X) REFERENCES p (K) ON DELETE CASCADE)'
  const other = 'CREATE TABLE p (k PRIMARY KEY); CREATE TABLE a (x REFERENCES p ON DELETE CASCADE REFERENCES p)'
  t.strictSame(compareSql(two, two), [])
  t.strictSame(compareSql(two, other), [])
  t.strictSame(compareSql(two, other.replace(' REFERENCES p)', ')')), [
    'difference foreign key a (x) to p (k) missing: ON DELETE NO ACTION, ON UPDATE NO ACTION, checked at each statement -> nothing',
  ])
})

t.test('two equal texts are no finding', async t => {
  t.strictSame(differ('difference', 'column a.x', 'default', '1', '1'), [])
  t.strictSame(differ('difference', 'column a.x', 'default', null, null), [])
})

t.test('two others are one, and nothing is another than an empty text', async t => {
  for (const [expected, found] of [
    ['1', '2'],
    [null, ''],
  ] as const)
    t.strictSame(differ('tolerated', 'column a.x', 'default', expected, found), [
      { weight: 'tolerated', object: 'column a.x', what: 'default', expected, found },
    ])
})
