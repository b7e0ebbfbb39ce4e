/**
 * Runs a bundle, and keeps beside its files what V8 made of the functions that ran: `node scripts/warm.ts DIST`, with options of V8 that
 * are to be measured after it. A start takes them from there, and compiles none of them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import Database from 'better-sqlite3'
import { encode } from '../src/postgres/wire/messages.ts'

/** Loaded before the bundle: writes the caches of the files that are named. */
const writeCaches = (names: readonly string[]): string => `
const vm = require('vm')
const made = []
vm.Script = class extends vm.Script {
  constructor(text, options) {
    super(text, options)
    made.push([options.filename, this])
  }
}
process.on('exit', () => {
  for (const [file, script] of made)
    if (${JSON.stringify(names)}.some(name => file.endsWith('/' + name + '.js')))
      require('fs').writeFileSync(file + '.cache', script.createCachedData())
})`

const [dist = 'bundle', ...options] = process.argv.slice(2)
const migrations = join(import.meta.dirname, '../migrations')
const folder = mkdtempSync(join(tmpdir(), 'warm-'))

type Settings = Readonly<Record<string, string>>

/** @param names of the files whose caches are written */
const run = async (names: readonly string[], words: readonly string[], settings: Settings): Promise<void> => {
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, writeCaches(names))
  const env = { PATH: '/usr/bin:/bin', MIGRATOR_MIGRATIONS: migrations, ...settings }
  const program = [...options, '--require', preload, join(resolve(dist), 'main.cjs'), ...words]
  const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'close')])
  if (status !== 0) throw new Error(`the bundle exited ${status}: ${said}`)
}

/** The settings for a database in a folder. */
const onVolume = (name: string): Settings => {
  mkdirSync(join(folder, name), { recursive: true })
  return { MIGRATOR_REQUIRE_MOUNT: 'never', DATABASE_URL: `sqlite:${join(folder, name, 'homelab.db')}` }
}

/** Stands for a server where an image is built: lets everybody in, and answers the three questions of a run with nothing to do. */
const startServer = async (names: readonly string[]) => {
  const number = (bytes: number, value: number): Buffer => {
    const all = Buffer.alloc(4)
    all.writeInt32BE(value)
    return all.subarray(4 - bytes)
  }
  const answer = (columns: Readonly<Record<string, number>>, ...rows: readonly (readonly string[])[]): Buffer => {
    const described = Object.entries(columns).flatMap(([name, type]) => [
      ...[`${name}\0`, Buffer.alloc(6), number(4, type), Buffer.alloc(8)],
    ])
    const valued = rows.map(row =>
      encode('D', number(2, row.length), ...row.flatMap(value => [number(4, value.length), value])),
    )
    const begin = encode('T', number(2, Object.keys(columns).length), ...described)
    return Buffer.concat([encode('1'), encode('2'), begin, ...valued, encode('C', 'SELECT\0'), encode('Z', 'I')])
  }
  const [bool, char, name, int4, string] = [16, 18, 19, 23, 25]
  const answers = [
    answer({ version: string, number: int4, standby: bool }, ['PostgreSQL 18', '180000', 'f']),
    answer({ kind: char, name, required: bool }, ['r', 'name', 't']),
    answer({ name: string }, ...names.map(name => [name])),
  ]
  const server = createServer(socket => {
    const left = [...answers]
    socket.on('data', bytes => {
      if (bytes.includes('user\0')) socket.write(Buffer.concat([encode('R', number(4, 0)), encode('Z', 'I')]))
      // each ends with a Sync
      for (const _ of bytes.toString('latin1').matchAll(/S\0\0\0/g)) socket.write(left.shift() ?? '')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  const settings = { DATABASE_URL: `postgres://hub@127.0.0.1:${address.port}/hub?sslmode=disable` }
  return { settings, stop: () => server.close() }
}

try {
  // with another checksum they run as code
  const others = join(folder, 'migrations')
  cpSync(migrations, others, { recursive: true })
  for (const file of readdirSync(others).filter(name => /^\d.*\.ts$/.test(name)))
    appendFileSync(join(others, file), '\n')
  const names = readdirSync(migrations)
    .filter(name => /^\d[^.]*\.ts$/.test(name))
    .map(name => name.replace('.ts', ''))
    .toSorted()
  const server = await startServer(names)
  await run(['shared', 'on-server'], [], server.settings)
  server.stop()
  // the code first: with so much to load, V8 drops what it made of the functions that this run does not call
  await run(['shared', 'long', 'code'], ['up'], { ...onVolume('third'), MIGRATOR_MIGRATIONS: others })
  await run(['shared', 'long'], ['up'], onVolume('first'))
  await run(['shared', 'long'], ['up', '--to', names[0] ?? ''], onVolume('second'))
  const connection = new Database(join(folder, 'second/homelab.db'))
  // to look for earlier rows is a good part of a run
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan')")
  connection.close()
  await run(['main'], [], onVolume('first'))
  // with what a pending migration needs of main.js, too: to read that takes a run with nothing to do 1 %, to compile it anew this one 5 %
  await run(['main', 'shared', 'long'], ['up'], onVolume('second'))
} finally {
  rmSync(folder, { recursive: true })
}
