import t from 'tap'
import { findUnreadable } from '../../../src/migrations/lint/unreadable.ts'
import { testAnalyzer } from '../../help/analyzed.ts'

const made = 'CREATE TABLE a (x, y); CREATE VIEW v AS SELECT x FROM a; CREATE VIEW broken AS SELECT x FROM gone'
const away = ['ALTER TABLE a RENAME TO o', 'CREATE TABLE a (x, y)', 'INSERT INTO a SELECT * FROM o', 'DROP TABLE o']

testAnalyzer(t, made.replace(/;[^;]*$/, ''), ({ before, kept, after }) => findUnreadable(before, after, kept), [
  [
    'a view that followed a table which was renamed away',
    away,
    ['HM104: leaves the view v, which cannot be read: no such table: main.o'],
  ],
  [
    'a view whose table is dropped',
    ['DROP TABLE a'],
    ['HM104: leaves the view v, which cannot be read: no such table: main.a'],
  ],
  [
    'a new view that never could be read',
    ['CREATE VIEW w AS SELECT 1 FROM gone'],
    ['HM104: leaves the view w, which cannot be read: no such table: main.gone'],
  ],
  ['a view that goes and comes again', ['DROP VIEW v', ...away, 'CREATE VIEW v AS SELECT x FROM a'], []],
  ['a view of a table that has another name', ['ALTER TABLE a RENAME TO o'], []],
])

testAnalyzer(t, made, ({ before, kept, after }) => findUnreadable(before, after, kept), [
  ['a view that was broken before is not blamed', ['CREATE TABLE b (x)'], []],
])
