import Database from 'better-sqlite3'
import t from 'tap'
import { toMarkdown } from '../../src/draw/markdown.ts'
import { drawingOf } from '../../src/draw/on-file.ts'
import { readSchema } from '../../src/sqlite/schema/read.ts'

const write = (sql: string, schema: string | null = null) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const text = toMarkdown(drawingOf(readSchema(connection)), schema)
  connection.close()
  return text
}

t.test('an empty database is a document too', async t => {
  t.equal(
    write(''),
    `# Schema

At no migration, as \`migrator schema --format markdown\` tells it.

\`\`\`mermaid
erDiagram
\`\`\`
`,
  )
})

t.test('all that belongs to a table is told', async t => {
  const text = write(
    `CREATE TABLE p (k TEXT COLLATE NOCASE PRIMARY KEY, CHECK (k <> '|')) WITHOUT ROWID, STRICT;
     CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT, y NOT NULL ON CONFLICT IGNORE DEFAULT 'b' REFERENCES p ON DELETE CASCADE,
       z TEXT AS (y || 'z') UNIQUE);
     CREATE INDEX i ON a (y DESC)`,
    '0001-a',
  )
  t.equal(
    text.slice(text.indexOf('## a')),
    `## a

| column | type | affinity | NULL | default | more |
| --- | --- | --- | --- | --- | --- |
| \`x\` | INTEGER | INTEGER | no |  | primary key, numbered by SQLite |
| \`y\` |  | BLOB | no | \`'b'\` |  |
| \`z\` | TEXT | TEXT | yes |  | computed (virtual): \`y \\|\\| 'z'\` |

- AUTOINCREMENT
- foreign key \`(y)\` to \`p (k)\`, ON DELETE CASCADE, ON UPDATE NO ACTION, checked at each statement
- index \`i\` \`(y DESC)\`
- unique \`UNIQUE (z)\`
- \`y NOT NULL ON CONFLICT IGNORE\`

## p

| column | type | affinity | NULL | default | more |
| --- | --- | --- | --- | --- | --- |
| \`k\` | TEXT | TEXT | no |  | primary key, collation NOCASE |

- WITHOUT ROWID
- STRICT
- check \`k <> '|'\`
`,
  )
  t.match(text, /^# Schema\n\nAt migration `0001-a`, .*\n\n```mermaid\nerDiagram\n/)
})

t.test('what is only its text is shown as such', async t => {
  const text = write(`CREATE VIRTUAL TABLE words USING fts5(word); CREATE VIEW v AS SELECT 1; CREATE TABLE a (x);
    CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END`)
  t.match(text, /## words\n\n```sql\nCREATE VIRTUAL TABLE words USING fts5\(word\);\n```\n/)
  t.match(text, /## v \(view\)\n\n```sql\nCREATE VIEW v AS SELECT 1;\n```\n/)
  t.match(text, /## r \(trigger on a\)\n\n```sql\nCREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END;\n```\n/)
})

t.test('code that begins or ends with a backtick is apart from its fence', async t => {
  const text = write('CREATE TABLE a ("`x`" TEXT, "y`z" TEXT)')
  t.match(text, '| `` `x` `` | TEXT |')
  t.match(text, '| ``y`z`` | TEXT |')
})
