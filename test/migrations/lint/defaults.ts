import t from 'tap'
import { findDefaults } from '../../../src/migrations/lint/defaults.ts'
import { testAnalyzer } from '../../help/analyzed.ts'

testAnalyzer(t, "CREATE TABLE a (x DEFAULT 'a;b')", ({ before, after, kept }) => findDefaults(before, after, kept), [
  [
    'a default with a semicolon',
    ["CREATE TABLE b (x DEFAULT 'c;d', y DEFAULT 'e')"],
    ["HM302: sets the default of b.x to 'c;d'"],
  ],
  ['in a new column', ["ALTER TABLE a ADD COLUMN y DEFAULT ';'"], ["HM302: sets the default of a.y to ';'"]],
  ['one that was there', ['ALTER TABLE a ADD COLUMN y'], []],
])
