/** What inspect says of statements; each analyzer's own test has its rules in full. */
import t from 'tap'
import { findInStructure, findInUp } from '../../src/lint/inspect.ts'
import { recordStatements } from '../help/recorded.ts'

const made = `CREATE TABLE p (id INTEGER PRIMARY KEY, x TEXT); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p (id), y);
  CREATE INDEX i ON p (x)`

t.test('what only adds is nothing to be said of', async t => {
  const recording = await recordStatements(t, made, [
    'CREATE TABLE d (x NOT NULL UNIQUE REFERENCES p (id))',
    "ALTER TABLE p ADD COLUMN z NOT NULL DEFAULT 'x'",
    'CREATE INDEX j ON p (z)',
    'INSERT INTO p VALUES (1, 2, 3)',
    'DELETE FROM c',
  ])
  t.strictSame(findInUp(recording), [])
})

t.test('all that statements do is told, each with the statement', async t => {
  const recording = await recordStatements(t, made, [
    'DROP TABLE c',
    'ALTER TABLE p RENAME COLUMN x TO z',
    'CREATE UNIQUE INDEX u ON p (z)',
    "ALTER TABLE p ADD COLUMN s DEFAULT 'a;b'",
    'PRAGMA cache_size = 7',
  ])
  t.strictSame(
    findInUp(recording).map(({ code, statement }) => [code, statement]),
    [
      ['DS102', 'DROP TABLE c'],
      ['MF101', 'CREATE UNIQUE INDEX u ON p (z)'],
      ['BC102', 'ALTER TABLE p RENAME COLUMN x TO z'],
      ['HM302', "ALTER TABLE p ADD COLUMN s DEFAULT 'a;b'"],
      ['HM202', 'PRAGMA cache_size = 7'],
    ],
  )
  t.match(findInStructure(recording), [{ code: 'HM302' }, { code: 'HM202' }])
})

t.test('a foreign key that followed a table which was renamed away is told once', async t => {
  const recording = await recordStatements(t, made, [
    'ALTER TABLE p RENAME TO o',
    'CREATE TABLE p (id INTEGER PRIMARY KEY, x TEXT)',
    'INSERT INTO p SELECT * FROM o',
    'DROP TABLE o',
    'CREATE INDEX i ON p (x)',
  ])
  t.match(findInUp(recording), [{ code: 'HM102', statement: 'ALTER TABLE p RENAME TO o' }])
  t.equal(findInUp(recording).length, 1)
})
