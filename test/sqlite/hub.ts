/** A hub's Sequelize, of both versions, on a database that others use as well. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mock } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import {
  DataTypes as DataTypes7,
  ForeignKeyConstraintError as ForeignKeyConstraintError7,
  TimeoutError as TimeoutError7,
  UniqueConstraintError as UniqueConstraintError7,
} from '@sequelize/core'
import Database from 'better-sqlite3'
import { DataTypes, ForeignKeyConstraintError, TimeoutError, UniqueConstraintError } from 'sequelize'
import t, { type Test } from 'tap'
import { connectSequelize as connect7 } from '../../src/hub/sequelize-v7.ts'
import { connectSequelize as connect6 } from '../../src/sqlite/bridge/sequelize.ts'
import type { Connection } from '../../src/sqlite/connect.ts'

type Query = (sql: string, ...bind: readonly unknown[]) => Promise<readonly unknown[]>
type Hub = Readonly<{
  query: Query
  begin: () => Promise<Readonly<{ query: Query; commit: () => Promise<void>; rollback: () => Promise<void> }>>
  /** stores a row of a model and gives its id */
  create: (row: object) => Promise<unknown>
  close: () => Promise<void>
}>

const hub6 = (connection: Connection): Hub => {
  const sequelize = connect6(connection)
  const Thing = sequelize.define('thing', { name: DataTypes.TEXT, at: DataTypes.DATE }, { timestamps: false })
  return {
    query: async (sql, ...bind) => (await sequelize.query(sql, { bind: [...bind] }))[0],
    begin: async () => {
      const transaction = await sequelize.transaction()
      return {
        query: async (sql, ...bind) => (await sequelize.query(sql, { bind: [...bind], transaction }))[0],
        commit: () => transaction.commit(),
        rollback: () => transaction.rollback(),
      }
    },
    create: async row => (await Thing.create({ ...row })).get('id'),
    close: () => sequelize.close(),
  }
}

const hub7 = (connection: Connection): Hub => {
  const sequelize = connect7(connection)
  const Thing = sequelize.define('thing', { name: DataTypes7.TEXT, at: DataTypes7.DATE }, { timestamps: false })
  return {
    query: async (sql, ...bind) => (await sequelize.query(sql, { bind: [...bind] }))[0],
    begin: async () => {
      const transaction = await sequelize.startUnmanagedTransaction()
      return {
        query: async (sql, ...bind) => (await sequelize.query(sql, { bind: [...bind], transaction }))[0],
        commit: () => transaction.commit(),
        rollback: () => transaction.rollback(),
      }
    },
    create: async row => (await Thing.create({ ...row })).get('id'),
    close: () => sequelize.close(),
  }
}

const versions = [
  { name: 'Sequelize 6', hub: hub6, errors: { ForeignKeyConstraintError, TimeoutError, UniqueConstraintError } },
  {
    name: 'Sequelize 7',
    hub: hub7,
    errors: {
      ForeignKeyConstraintError: ForeignKeyConstraintError7,
      TimeoutError: TimeoutError7,
      UniqueConstraintError: UniqueConstraintError7,
    },
  },
]

const made = `
  CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, at DATETIME);
  CREATE TABLE parts (thing REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED)`

/** A database in a file, in the given journal mode, a hub on it, and another program that has it open, too. */
const open = (t: Pick<Test, 'testdir' | 'teardown'>, make: (connection: Connection) => Hub, mode = 'WAL') => {
  const path = join(t.testdir(), 'hub.db')
  const other = new Database(path, { timeout: 0 })
  other.pragma(`journal_mode = ${mode}`)
  other.exec(made)
  const connection = new Database(path)
  const hub = make(connection)
  t.teardown(async () => {
    await hub.close()
    connection.close()
    other.close()
  })
  return { connection, other, hub, names: () => other.prepare('SELECT name FROM things ORDER BY id').pluck().all() }
}
const insert = 'INSERT INTO things (name) VALUES ($1)'

/** Sequelize warns of each connection that it gives up. */
console.warn = () => undefined

for (const { name, hub: make, errors } of versions)
  t.test(name, async t => {
    t.test('of two transactions that overlap, the ROLLBACK of one leaves what the other committed', async t => {
      const { hub, names } = open(t, make)
      const [first, second] = [await hub.begin(), await hub.begin()]
      await first.query(insert, 'first')
      await first.commit()
      await second.query(insert, 'second')
      await second.rollback()
      t.strictSame(names(), ['first'])
    })

    t.test('a query outside of a transaction sees and undoes nothing of it', async t => {
      const { hub, names } = open(t, make)
      const transaction = await hub.begin()
      await transaction.query(insert, 'inside')
      t.strictSame(await hub.query('SELECT name FROM things'), [])
      await transaction.rollback()
      await hub.query(insert, 'outside')
      t.strictSame(names(), ['outside'])
    })

    t.test(
      'whoever waits for a lock that this process holds gets it, and the event loop runs on meanwhile',
      async t => {
        const { hub, names } = open(t, make)
        const transaction = await hub.begin()
        await transaction.query(insert, 'first')
        let turns = 0
        const ticking = setInterval(() => {
          turns += 1
        })
        const waiting = hub.query(insert, 'second')
        while (turns < 20) await setTimeout(1)
        t.strictSame(names(), [])
        await transaction.commit()
        await waiting
        clearInterval(ticking)
        t.strictSame(names(), ['first', 'second'])
      },
    )

    t.test("fake timers of a hub's tests hold nothing up, a wait for a lock neither", async t => {
      const { hub, other, names } = open(t, make)
      await hub.query('SELECT 1')
      other.exec('BEGIN IMMEDIATE')
      mock.timers.enable({ apis: ['setImmediate', 'setTimeout', 'setInterval', 'Date'] })
      t.teardown(() => mock.timers.reset())
      const waiting = hub.query(insert, 'a')
      await readFile(import.meta.filename)
      other.exec('COMMIT')
      await waiting
      t.strictSame(names(), ['a'])
    })

    t.test('statements of one connection keep their order while the first of them waits', async t => {
      const { hub, other, names } = open(t, make)
      other.exec('BEGIN IMMEDIATE')
      const all = Promise.all(['a', 'b', 'c'].map(value => hub.query(insert, value)))
      await setTimeout(30)
      other.exec('COMMIT')
      await all
      t.strictSame([...names()].sort(), ['a', 'b', 'c'])
    })

    t.test('a lock that is held for longer is a TimeoutError, after the tries that Sequelize makes', async t => {
      const { hub, other } = open(t, make)
      await hub.query('PRAGMA busy_timeout = 20')
      other.exec('BEGIN IMMEDIATE')
      await t.rejects(hub.query(insert, 'a'), errors.TimeoutError)
      other.exec('COMMIT')
    })

    t.test('PRAGMA busy_timeout says how long to wait, and SQLite itself never does', async t => {
      const { hub, other } = open(t, make)
      await hub.query('PRAGMA busy_timeout = 60000')
      t.strictSame(await hub.query('PRAGMA busy_timeout'), [{ timeout: 0 }])
      other.exec('BEGIN IMMEDIATE')
      const waiting = hub.query(insert, 'a')
      await setTimeout(20)
      other.exec('COMMIT')
      await t.resolves(waiting)
    })

    t.test('a write on what another one has changed since it was read is a TimeoutError, at once', async t => {
      const { hub, other } = open(t, make)
      const transaction = await hub.begin()
      await transaction.query('SELECT count(*) FROM things')
      other.exec("INSERT INTO things (name) VALUES ('theirs')")
      await t.rejects(transaction.query(insert, 'ours'), errors.TimeoutError)
      await transaction.rollback()
    })

    t.test('a COMMIT that finds a reader in its way is tried again, and succeeds', async t => {
      const { hub, other, names } = open(t, make, 'DELETE')
      const transaction = await hub.begin()
      await transaction.query(insert, 'a')
      other.exec('BEGIN; SELECT count(*) FROM things')
      other.prepare('SELECT * FROM things').all()
      const committed = transaction.commit()
      await setTimeout(30)
      other.exec('COMMIT')
      await committed
      t.strictSame(names(), ['a'])
    })

    t.test('a COMMIT that never succeeds leaves nothing open: later rows are stored', async t => {
      const { hub, other, names } = open(t, make, 'DELETE')
      const transaction = await hub.begin()
      await transaction.query('PRAGMA busy_timeout = 1')
      await transaction.query(insert, 'lost')
      other.exec('BEGIN')
      other.prepare('SELECT * FROM things').all()
      await t.rejects(transaction.commit(), errors.TimeoutError)
      other.exec('COMMIT')
      await hub.query(insert, 'kept')
      t.strictSame(names(), ['kept'])
    })

    t.test('a COMMIT that a deferred foreign key fails leaves nothing open: later rows are stored', async t => {
      const { hub, names } = open(t, make)
      const transaction = await hub.begin()
      await transaction.query(insert, 'lost')
      await transaction.query('INSERT INTO parts VALUES (99)')
      await t.rejects(transaction.commit(), errors.ForeignKeyConstraintError)
      await hub.query(insert, 'kept')
      t.strictSame(names(), ['kept'])
    })

    t.test('where SQLite itself ended a transaction, its later statements are refused up to its end', async t => {
      const { hub, names } = open(t, make)
      await hub.query(insert, 'there')
      const transaction = await hub.begin()
      await t.rejects(
        transaction.query("INSERT OR ROLLBACK INTO things (name) VALUES ('there')"),
        errors.UniqueConstraintError,
      )
      await t.rejects(transaction.query(insert, 'later'), { message: /SQLite has rolled this transaction back/ })
      await t.resolves(transaction.rollback())
      t.strictSame(names(), ['there'])
    })

    t.test('its COMMIT fails', async t => {
      const { hub } = open(t, make)
      await hub.query(insert, 'there')
      const transaction = await hub.begin()
      await t.rejects(transaction.query("INSERT OR ROLLBACK INTO things (name) VALUES ('there')"))
      await t.rejects(transaction.commit(), { message: /SQLite has rolled this transaction back/ })
    })

    t.test('constraints are errors of their own classes', async t => {
      const { hub } = open(t, make)
      await hub.query(insert, 'a')
      await t.rejects(hub.query(insert, 'a'), errors.UniqueConstraintError)
      await t.rejects(hub.query('INSERT INTO parts VALUES (99)'), errors.ForeignKeyConstraintError)
      await t.rejects(hub.create({ name: 'a' }), errors.UniqueConstraintError)
    })

    t.test('a new row of a model has its id', async t => {
      const { hub } = open(t, make)
      t.equal(await hub.create({ name: 'a' }), 1)
      t.strictSame(await hub.query(`${insert} RETURNING id`, 'b'), [{ id: 2 }])
    })

    t.test("a bound bigint is a whole number; a time is Sequelize's own text, bound or of a model", async t => {
      const { hub, other } = open(t, make)
      t.strictSame(await hub.query('SELECT typeof($1) AS type, $1 AS big', 9_223_372_036_854_775_807n), [
        { type: 'integer', big: '9223372036854775807' },
      ])
      const at = new Date('2026-02-01T12:00:00Z')
      await hub.create({ name: 'a', at })
      await hub.query('INSERT INTO things (name, at) VALUES ($1, $2)', 'b', at)
      t.strictSame(other.prepare('SELECT DISTINCT at FROM things').pluck().all(), ['2026-02-01 12:00:00.000 +00:00'])
    })

    t.test('foreign keys and the right to write are as the connection has them', async t => {
      const { connection, hub } = open(t, make)
      connection.pragma('foreign_keys = OFF')
      await t.resolves(hub.query('INSERT INTO parts VALUES (99)'))
      const reading = make(new Database(connection.name, { readonly: true }))
      t.teardown(() => reading.close())
      await t.rejects(reading.query(insert, 'a'), { message: /SQLITE_READONLY/ })
    })

    t.test('its close leaves the connection open, and a closed connection opens no more', async t => {
      const { connection } = open(t, make)
      const early = make(connection)
      await early.query('SELECT 1')
      await early.close()
      t.equal(connection.open, true)
      connection.close()
      const late = make(connection)
      await t.rejects(late.query('SELECT 1'), { message: /not open/ })
      await late.close()
    })

    t.test('a database in memory is one for all', async t => {
      const connection = new Database(':memory:')
      t.teardown(() => connection.close())
      connection.exec(made)
      const hub = make(connection)
      t.teardown(() => hub.close())
      await hub.create({ name: 'a' })
      const transaction = await hub.begin()
      await transaction.query(insert, 'b')
      await transaction.rollback()
      const failing = await hub.begin()
      await failing.query('INSERT INTO parts VALUES (99)')
      await t.rejects(failing.commit(), errors.ForeignKeyConstraintError)
      await hub.query(insert, 'c')
      t.strictSame(connection.prepare('SELECT name FROM things').pluck().all(), ['a', 'c'])
      t.equal(connection.inTransaction, false)
    })
  })

t.test(
  'BEGIN and COMMIT without a transaction object: nothing of one that failed is stored with what comes later',
  async t => {
    const { hub, other, names } = open(t, hub6, 'DELETE')
    await hub.query('PRAGMA busy_timeout = 1')
    await hub.query('BEGIN')
    await hub.query(insert, 'lost')
    other.exec('BEGIN')
    other.prepare('SELECT * FROM things').all()
    await t.rejects(hub.query('COMMIT'), TimeoutError)
    other.exec('COMMIT')
    await hub.query(insert, 'kept')
    t.strictSame(names(), ['kept'])
    await hub.query('BEGIN')
    await t.rejects(hub.query("INSERT OR ROLLBACK INTO things (name) VALUES ('kept')"))
    await hub.query('BEGIN')
    await hub.query('ROLLBACK')
  },
)

t.test("a bigint stands in Sequelize's log with all its digits", async t => {
  const sequelize = connect6(new Database(':memory:'))
  t.teardown(() => sequelize.close())
  const log: string[] = []
  const logging = (text: string) => void log.push(text)
  await sequelize.query('SELECT $1', { bind: [9_223_372_036_854_775_807n], logging, ...{ logQueryParameters: true } })
  t.match(log, [/9223372036854775807/])
})

t.test('no folder is made for a volume that is not mounted', async t => {
  const sequelize = connect6(new Database(join(t.testdir(), 'x.db')))
  t.teardown(() => sequelize.close())
  await t.resolves(sequelize.query('SELECT 1'))
})
