import t from 'tap'
import { findBrokenKeys } from '../../../src/migrations/lint/broken-keys.ts'
import { testAnalyzer } from '../../help/analyzed.ts'

const made = `CREATE TABLE p (id INTEGER PRIMARY KEY, x UNIQUE, y, z, UNIQUE (y, z)); CREATE TABLE c (p REFERENCES P (ID));
  CREATE TABLE old (p REFERENCES none (id))`

testAnalyzer(t, made, ({ before, after, kept }) => findBrokenKeys(before, after, kept), [
  [
    'a key to the primary key, a unique one, and several columns in any order',
    ['CREATE TABLE d (a REFERENCES p, b REFERENCES p (x), c, FOREIGN KEY (b, c) REFERENCES p (z, y))'],
    [],
  ],
  [
    'a key to a table that is not there',
    ['CREATE TABLE d (a REFERENCES q (id))'],
    ['HM103: leaves the foreign key d (a) to q (id), which is no key of a table'],
  ],
  [
    'a key to columns that are no key',
    ['CREATE TABLE d (a REFERENCES p (y))'],
    ['HM103: leaves the foreign key d (a) to p (y), which is no key of a table'],
  ],
  [
    'a key to the primary key of a table that has none',
    ['CREATE TABLE q (x)', 'CREATE TABLE d (a REFERENCES q)'],
    ['HM103: leaves the foreign key d (a) to q (), which is no key of a table'],
  ],
  [
    'a key to a unique index of some rows, or by another collation than the column has',
    [
      'CREATE UNIQUE INDEX u ON p (y) WHERE z > 0',
      'CREATE UNIQUE INDEX v ON p (z COLLATE NOCASE)',
      'CREATE TABLE d (a REFERENCES p (y), b REFERENCES p (z))',
    ],
    [
      'HM103: leaves the foreign key d (a) to p (y), which is no key of a table',
      'HM103: leaves the foreign key d (b) to p (z), which is no key of a table',
    ],
  ],
  [
    'a table that goes from under it',
    ['DROP TABLE p'],
    ['HM103: leaves the foreign key c (p) to P (ID), which is no key of a table'],
  ],
  ['what was broken before is not blamed', ['CREATE TABLE d (x)'], []],
])
