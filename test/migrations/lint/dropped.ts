import t from 'tap'
import { findDropped } from '../../../src/migrations/lint/dropped.ts'
import { testAnalyzer } from '../../help/analyzed.ts'

testAnalyzer(t, 'CREATE TABLE a (x, y, z AS (x)); CREATE TABLE b (x)', ({ fates }) => findDropped(fates), [
  ['a dropped table', ['DROP TABLE a'], ['DS102: drops the table a']],
  [
    'a table made anew without its rows is a dropped one',
    ['DROP TABLE a', 'CREATE TABLE a (x, y)'],
    ['DS102: drops the table a'],
  ],
  ['a table that the migration made itself may go', ['CREATE TABLE c (x)', 'DROP TABLE c'], []],
  ['a renamed table is not dropped', ['ALTER TABLE a RENAME TO c'], []],
  ['a dropped column', ['ALTER TABLE a DROP COLUMN y'], ['DS103: drops the column a.y']],
  ['a computed column holds nothing', ['ALTER TABLE a DROP COLUMN z'], []],
  ['a column that the migration made itself may go', ['ALTER TABLE a ADD COLUMN w', 'ALTER TABLE a DROP COLUMN w'], []],
  [
    'a rebuild is one change: what it leaves out is dropped',
    ['CREATE TABLE n (y)', 'INSERT INTO n SELECT y FROM a', 'DROP TABLE a', 'ALTER TABLE n RENAME TO a'],
    ['DS103: drops the column a.x'],
  ],
])
