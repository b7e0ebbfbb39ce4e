import Database from 'better-sqlite3'
import t from 'tap'
import { toMermaid } from '../../src/draw/mermaid.ts'
import { drawingOf } from '../../src/draw/on-file.ts'
import { readSchema } from '../../src/sqlite/schema/read.ts'

const draw = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const diagram = toMermaid(drawingOf(readSchema(connection)))
  connection.close()
  return diagram.split('\n').slice(1, -1)
}

t.test('a diagram says what it is, also without tables', async t => {
  t.equal(toMermaid({ tables: [] }), 'erDiagram\n')
})

t.test('columns come with type, keys and notes', async t => {
  t.strictSame(
    draw(`CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT NOT NULL UNIQUE DEFAULT 'b', z REFERENCES a (y), w REAL AS (x) STORED,
      u UNIQUE REFERENCES a (y), v, UNIQUE (v, u))`),
    [
      '  "a" {',
      '    INTEGER x PK "not null"',
      `    TEXT y UK "not null, default 'b'"`,
      '    any z FK',
      '    REAL w "computed"',
      '    any u FK, UK',
      '    any v',
      '  }',
      '  "a" |o--o{ "a" : "u"',
      '  "a" |o--o{ "a" : "z"',
    ],
  )
})

t.test('a unique index with a condition makes no column unique', async t => {
  t.strictSame(draw('CREATE TABLE a (x INT); CREATE UNIQUE INDEX i ON a (x) WHERE x > 0'), [
    '  "a" {',
    '    INT x',
    '  }',
  ])
})

t.test('a child that must have a parent is drawn so, also by several columns', async t => {
  const parent = 'CREATE TABLE p (k NOT NULL, l NOT NULL, PRIMARY KEY (k, l))'
  const lines = draw(
    `${parent}; CREATE TABLE a (x NOT NULL, y NOT NULL, z, FOREIGN KEY (x, y) REFERENCES p, FOREIGN KEY (x, z) REFERENCES p)`,
  )
  t.strictSame(lines.slice(-2), ['  "p" ||--o{ "a" : "x, y"', '  "p" |o--o{ "a" : "x, z"'])
})

t.test('names that the syntax has no place for are made to fit', async t => {
  t.strictSame(
    draw(`CREATE TABLE "a ""b"" %" ("x y" DECIMAL(10, 5), "1m" INT, pk TEXT, "größe" "my type" DEFAULT 'say "x"');
      CREATE VIRTUAL TABLE words USING fts5(x)`),
    [
      '  "a _b_ _" {',
      '    DECIMAL(10_5) x_y',
      '    INT x1m',
      '    TEXT pk_',
      `    my_type größe "default 'say _x_'"`,
      '  }',
      '  "words"',
    ],
  )
})
