import t from 'tap'
import { lineagesOf } from '../../src/dry-run/lineage.ts'
import { recordStatements } from '../help/recorded.ts'

/** Each table's lineage in words. */
const follow = async (t: Parameters<typeof recordStatements>[0], statements: readonly string[]) => {
  const recording = await recordStatements(
    t,
    'CREATE TABLE a (x, y); CREATE TABLE b (x); CREATE VIEW v AS SELECT 1',
    statements,
  )
  return lineagesOf(recording).map(({ old, now, rebuilt, columns, by, columnBy }) => ({
    is: `${old.name} ${rebuilt === undefined ? '->' : 'rebuilt as'} ${now?.name}`,
    columns: [...columns].map(([before, after]) => `${before} -> ${after}`),
    by: by?.sql,
    columnBy: [...columnBy].map(([column, { sql }]) => `${column}: ${sql}`),
  }))
}
const b = { is: 'b -> b', columns: ['x -> x'], by: undefined, columnBy: [] }

t.test('nothing happens to what nobody touches', async t => {
  t.match(await follow(t, []), [{ is: 'a -> a', columns: ['x -> x', 'y -> y'] }, b])
  t.match(await follow(t, ['CREATE TABLE c (x)', 'DROP VIEW v', 'INSERT INTO c SELECT x FROM a']), [
    { is: 'a -> a' },
    b,
  ])
})

t.test('a table is renamed, also twice, and back', async t => {
  const [first, second] = ['ALTER TABLE a RENAME TO c', 'ALTER TABLE c RENAME TO d']
  t.match(await follow(t, [first, second]), [{ is: 'a -> d', by: second, columns: ['x -> x', 'y -> y'] }, b])
  t.match(await follow(t, [first, 'ALTER TABLE c RENAME TO a']), [{ is: 'a -> a' }, b])
})

t.test('a table is dropped; another of its name is not it', async t => {
  const drop = 'DROP TABLE a'
  t.match(await follow(t, [drop]), [{ is: 'a -> undefined', by: drop }, b])
  t.match(await follow(t, [drop, 'CREATE TABLE a (x, y)']), [{ is: 'a -> undefined', by: drop }, b])
  t.match(await follow(t, [drop, 'ALTER TABLE b RENAME TO a']), [{ is: 'a -> undefined' }, { is: 'b -> a' }])
})

t.test('a table with the rows of another in its place is that one, rebuilt', async t => {
  for (const statements of [
    ['CREATE TABLE n (x, z)', 'INSERT INTO n SELECT x, 1 FROM a', 'DROP TABLE a', 'ALTER TABLE n RENAME TO a'],
    ['ALTER TABLE a RENAME TO o', 'CREATE TABLE a (x, z)', 'INSERT INTO a SELECT x, 1 FROM o', 'DROP TABLE o'],
    [
      'CREATE TABLE o AS SELECT * FROM a',
      'DROP TABLE a',
      'CREATE TABLE a (x, z)',
      'INSERT INTO a SELECT x, 1 FROM o',
      'DROP TABLE o',
    ],
    [
      'CREATE TEMP TABLE o AS SELECT * FROM a',
      'INSERT INTO o SELECT * FROM a',
      'DROP TABLE a',
      'CREATE TABLE a (x, z)',
      'INSERT INTO a SELECT x, 1 FROM o',
    ],
  ]) {
    t.match(await follow(t, statements), [{ is: 'a rebuilt as a', columns: ['x -> x'], by: /^DROP TABLE/ }, b])
  }
})

t.test('columns are dropped and renamed, and one that is made anew under an old name is not the old one', async t => {
  const [rename, drop] = ['ALTER TABLE a RENAME COLUMN x TO z', 'ALTER TABLE a DROP COLUMN y']
  t.match(await follow(t, [rename, drop, 'ALTER TABLE a ADD COLUMN y']), [
    { is: 'a -> a', columns: ['x -> z'], columnBy: [`x: ${rename}`, `y: ${drop}`] },
    b,
  ])
  t.match(
    await follow(t, [
      'ALTER TABLE a ADD COLUMN w',
      'ALTER TABLE a RENAME COLUMN w TO u',
      'ALTER TABLE a DROP COLUMN u',
    ]),
    [{ is: 'a -> a', columns: ['x -> x', 'y -> y'], columnBy: [] }, b],
  )
})

t.test('a column keeps its way through renames of it and a rebuild of the table', async t => {
  t.match(
    await follow(t, [
      'ALTER TABLE a RENAME COLUMN x TO z',
      'CREATE TABLE n (z)',
      'INSERT INTO n SELECT z FROM a',
      'DROP TABLE a',
      'ALTER TABLE n RENAME TO a',
      'ALTER TABLE a RENAME COLUMN z TO last',
    ]),
    [{ is: 'a rebuilt as a', columns: ['x -> last'] }, b],
  )
})

t.test('what failed, or was rolled back by the migration itself, did not happen', async t => {
  t.match(await follow(t, ['DROP TABLE none', 'ALTER TABLE a DROP COLUMN none']), [{ is: 'a -> a' }, b])
  t.match(await follow(t, ['BEGIN', 'DROP TABLE a', 'ALTER TABLE b RENAME TO a', 'ROLLBACK']), [{ is: 'a -> a' }, b])
  t.match(await follow(t, ['SAVEPOINT s', 'DROP TABLE a', 'ROLLBACK TRANSACTION TO SAVEPOINT s', 'RELEASE s']), [
    { is: 'a -> a' },
    b,
  ])
  t.match(await follow(t, ['BEGIN', 'DROP TABLE a', 'COMMIT']), [{ is: 'a -> undefined' }, b])
})
