import t from 'tap'
import { findIncompatible } from '../../../src/migrations/lint/incompatible.ts'
import { testAnalyzer } from '../../help/analyzed.ts'

const made = `CREATE TABLE p (id INTEGER PRIMARY KEY, x);
  CREATE TABLE c (p REFERENCES p (id), q CONSTRAINT k REFERENCES p (id))`

testAnalyzer(t, made, ({ fates, kept }) => findIncompatible(fates, kept), [
  ['a renamed table', ['ALTER TABLE p RENAME TO n'], ['BC101: renames the table p to n']],
  ['a renamed column', ['ALTER TABLE p RENAME COLUMN x TO y'], ['BC102: renames the column p.x to y']],
  ['there and back is no change', ['ALTER TABLE p RENAME TO n', 'ALTER TABLE n RENAME TO p'], []],
  ['a dropped table has no other name', ['DROP TABLE c'], []],
  [
    'a foreign key that a rebuild forgot',
    [
      'CREATE TABLE n (p, q REFERENCES p (id))',
      'INSERT INTO n SELECT * FROM c',
      'DROP TABLE c',
      'ALTER TABLE n RENAME TO c',
    ],
    ['CD101: takes away the foreign key c (p) to p'],
  ],
  [
    'a foreign key that leads to another table now',
    [
      'CREATE TABLE o (id INTEGER PRIMARY KEY)',
      'CREATE TABLE n (p REFERENCES o (id), q REFERENCES p (id))',
      'INSERT INTO n SELECT * FROM c',
      'DROP TABLE c',
      'ALTER TABLE n RENAME TO c',
    ],
    ['CD101: takes away the foreign key c (p) to p'],
  ],
  [
    'a foreign key that goes with the table it leads to',
    [
      'DROP TABLE p',
      'CREATE TABLE n (p, q)',
      'INSERT INTO n SELECT * FROM c',
      'DROP TABLE c',
      'ALTER TABLE n RENAME TO c',
    ],
    ['CD101: takes away the foreign key c (p) to p', 'CD101: takes away the foreign key c (q) to p'],
  ],
  [
    'a foreign key that is taken away',
    ['ALTER TABLE c DROP CONSTRAINT k'],
    ['CD101: takes away the foreign key c (q) to p'],
  ],
  [
    'a foreign key stays one under other names',
    ['ALTER TABLE p RENAME TO n', 'ALTER TABLE c RENAME COLUMN p TO r'],
    ['BC102: renames the column c.p to r', 'BC101: renames the table p to n'],
  ],
  [
    'it goes with its column, which is another finding',
    [
      'CREATE TABLE n (q REFERENCES p (id))',
      'INSERT INTO n SELECT q FROM c',
      'DROP TABLE c',
      'ALTER TABLE n RENAME TO c',
    ],
    [],
  ],
])
