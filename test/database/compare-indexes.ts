import t from 'tap'
import { describeIndex } from '../../src/database/compare-indexes.ts'
import { compareSql } from '../help/compare.ts'

/** Compares the table `a (x, y)` with some indexes. */
const compare = (expected: string, found: string) => {
  const withTable = (sql: string) => (sql.startsWith('CREATE TABLE') ? sql : `CREATE TABLE a (x, y); ${sql}`)
  return compareSql(withTable(expected), withTable(found), true)
}

for (const [title, expected, found] of [
  ['ASC', 'CREATE INDEX i ON a (x, y)', 'create index "i" on "a" ("x" ASC, y COLLATE binary)'],
  ['quotes', "CREATE INDEX i ON a (lower(x)) WHERE y = 'b'", 'CREATE INDEX i ON a (LOWER("x")) WHERE "y"=\'b\''],
  ['a unique index in place of a constraint', 'CREATE TABLE a (x, y UNIQUE)', 'CREATE UNIQUE INDEX i ON a (y)'],
] as const) {
  t.test(`${title} is no difference`, async t => t.strictSame(compare(expected, found), []))
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
  [
    'a constraint in place of a unique index',
    'CREATE UNIQUE INDEX i ON a (x)',
    'CREATE TABLE a (x UNIQUE, y)',
    'index i on a missing: UNIQUE (x) -> nothing',
  ],
] as const) {
  t.test(`${title} is a difference`, async t => {
    t.strictSame(
      compare(expected, found),
      findings.map(finding => `difference ${finding}`),
    )
  })
}

t.test('an additional index is information', async t => {
  t.strictSame(compare('', 'CREATE INDEX i ON a (x)'), ['information index i on a extra: nothing -> (x)'])
})

t.test('an index under another name is missing, for a later migration may drop it by its name', async t => {
  t.strictSame(compare('CREATE INDEX i ON a (x)', 'CREATE INDEX j ON a (x)'), [
    'difference index i on a missing: (x) -> nothing',
    'information index j on a extra: nothing -> (x)',
  ])
})

t.test('an index is described in a line', async t => {
  const parts = [
    { of: 'x', collation: 'NOCASE', descending: true },
    { of: 'y', collation: 'BINARY', descending: false },
  ]
  t.equal(describeIndex({ unique: true, parts, where: 'x > 1' }), 'UNIQUE (x COLLATE NOCASE DESC, y) WHERE x > 1')
})
