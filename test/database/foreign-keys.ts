import Database from 'better-sqlite3'
import t from 'tap'
import { readStructure } from '../../src/database/structure.ts'

const read = (definition: string) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE p (k PRIMARY KEY, l, m, UNIQUE (l, m)); CREATE TABLE q (m, l, PRIMARY KEY (l, m));
    CREATE TABLE a ${definition}`)
  const keys = readStructure(connection).tables.find(({ name }) => name === 'a')?.foreignKeys
  connection.close()
  return keys
}
const plain = { parent: 'p', onUpdate: 'NO ACTION', onDelete: 'NO ACTION', deferred: false }

t.test('a table without foreign keys has none', async t => t.strictSame(read('(x)'), []))

t.test('each comes with its columns and actions, by its columns', async t => {
  t.strictSame(
    read(`(z REFERENCES p (k) ON DELETE CASCADE ON UPDATE SET NULL, y, x DEFAULT 1 REFERENCES p (k) DEFERRABLE INITIALLY DEFERRED,
      FOREIGN KEY (y, x) REFERENCES p (l, m))`),
    [
      { ...plain, columns: ['x'], parentColumns: ['k'], deferred: true },
      { ...plain, columns: ['y', 'x'], parentColumns: ['l', 'm'] },
      { ...plain, columns: ['z'], parentColumns: ['k'], onDelete: 'CASCADE', onUpdate: 'SET NULL' },
    ],
  )
})

t.test('one that names no columns of its parent means the primary key', async t => {
  t.match(read('(x REFERENCES p)'), [{ parentColumns: ['k'] }])
  t.match(read('(x, y, FOREIGN KEY (x, y) REFERENCES q)'), [{ columns: ['x', 'y'], parentColumns: ['l', 'm'] }])
  t.match(read('(x REFERENCES elsewhere)'), [{ parent: 'elsewhere', parentColumns: [] }])
})
