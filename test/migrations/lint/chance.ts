import t from 'tap'
import { findChance } from '../../../src/migrations/lint/chance.ts'
import { testAnalyzer } from '../../help/analyzed.ts'

const asks = (...what: readonly string[]) => what.map(text => `HM502: asks SQLite for ${text}`)

testAnalyzer(
  t,
  'CREATE TABLE a (x, y DEFAULT CURRENT_TIMESTAMP); CREATE TABLE random (x)',
  ({ kept }) => findChance(kept),
  [
    ...(
      [
        "datetime('now')",
        "DATE('NOW', '-1 day')",
        "time( 'now' )",
        "julianday('now')",
        "unixepoch('now')",
        "strftime('%Y', 'now')",
        "timediff('now', '2026-01-01')",
        'datetime()',
        "strftime('%Y')",
        'CURRENT_TIMESTAMP',
        'current_date',
        'CURRENT_TIME',
        'random()',
        'randomblob(16)',
      ] as const
    ).map((text): [string, string[], readonly string[]] => [
      text,
      [`UPDATE a SET x = lower(${text}) WHERE y = 1`, `INSERT INTO a (x) VALUES (1), (${text})`],
      [...asks(text), ...asks(text)],
    ]),
    [
      'each is told once for a statement, in whatever way it writes',
      [
        'REPLACE INTO a SELECT random(), random() + unixepoch()',
        'WITH n AS (SELECT CURRENT_DATE AS x) INSERT INTO a (x) SELECT x FROM n',
      ],
      asks('random()', 'unixepoch()', 'CURRENT_DATE'),
    ],
    [
      'what says the same each time',
      [
        "INSERT INTO a VALUES (datetime('2026-01-18'), 'datetime(''now'')'), (strftime('%Y', x'3230'), lower('now'))",
        'UPDATE a SET x = date(y), y = abs(unixepoch(x))',
        'INSERT INTO random (x) VALUES (1)',
      ],
      [],
    ],
    [
      'a DEFAULT and a computed column',
      ['CREATE TABLE b (x DEFAULT CURRENT_TIMESTAMP, y, z AS (date(y)))', 'INSERT INTO b (y) VALUES (1)'],
      [],
    ],
    ['rows that are deleted', ["DELETE FROM a WHERE x < datetime('now')"], []],
  ],
)
