import t from 'tap'
import { findLossy } from '../../../src/migrations/lint/lossy.ts'
import { testAnalyzer } from '../../help/analyzed.ts'

const made = 'CREATE TABLE p (id INTEGER PRIMARY KEY, t VARCHAR(9), b, i BIGINT, n DECIMAL, r DOUBLE, g TEXT AS (id))'
const rebuild = (columns: string) => [
  `CREATE TABLE p2 (id INTEGER PRIMARY KEY, ${columns})`,
  'INSERT INTO p2 SELECT id, t, b, i, n, r FROM p',
  'DROP TABLE p',
  'ALTER TABLE p2 RENAME TO p',
]

testAnalyzer(t, made, ({ fates }) => findLossy(fates), [
  [
    'texts, and what has no type, that become numbers',
    rebuild('t INTEGER, b REAL, i INTEGER, n NUMERIC, r REAL'),
    ['HM106: makes p.t INTEGER, which was TEXT', 'HM106: makes p.b REAL, which was BLOB'],
  ],
  [
    'numbers whose last digits go',
    rebuild('t TEXT, b TEXT, i REAL, n REAL, r TEXT'),
    [
      'HM106: makes p.b TEXT, which was BLOB',
      'HM106: makes p.i REAL, which was INTEGER',
      'HM106: makes p.n REAL, which was NUMERIC',
      'HM106: makes p.r TEXT, which was REAL',
    ],
  ],
  ['what keeps each value as it is', rebuild('t BLOB, b, i TEXT, n INTEGER, r NUMERIC'), []],
  [
    'the column may have another name by then',
    [...rebuild('t INTEGER, b, i INTEGER, n NUMERIC, r REAL'), 'ALTER TABLE p RENAME COLUMN t TO u'],
    ['HM106: makes p.t INTEGER, which was TEXT'],
  ],
  [
    'a column that is computed has no values of its own',
    rebuild('t TEXT, b, i INTEGER, n NUMERIC, r REAL, g INTEGER AS (id)'),
    [],
  ],
  ['a column that is new', ['ALTER TABLE p DROP COLUMN t', 'ALTER TABLE p ADD COLUMN t INTEGER'], []],
])
