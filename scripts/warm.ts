/**
 * Runs a bundle, and keeps beside its files what V8 made of the functions that ran: `node scripts/warm.ts DIST`, with options of V8 that
 * are to be measured after it. A start takes them from there, and compiles none of them.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'

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

/** @param names of the files whose caches are written */
const run = (names: readonly string[], words: readonly string[], volume: string, from = migrations): void => {
  mkdirSync(join(folder, volume), { recursive: true })
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, writeCaches(names))
  const env = {
    ...{ PATH: '/usr/bin:/bin', MIGRATOR_REQUIRE_MOUNT: 'never', MIGRATOR_MIGRATIONS: from },
    DATABASE_URL: `sqlite:${join(folder, volume, 'homelab.db')}`,
  }
  const program = [...options, '--require', preload, join(resolve(dist), 'main.cjs'), ...words]
  const { status, stderr } = spawnSync(process.execPath, program, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the bundle exited ${status}: ${stderr}`)
}

try {
  // with another checksum they run as code
  const others = join(folder, 'migrations')
  cpSync(migrations, others, { recursive: true })
  for (const file of readdirSync(others).filter(name => /^\d.*\.ts$/.test(name)))
    appendFileSync(join(others, file), '\n')
  // the code first: with so much to load, V8 drops what it made of the functions that this run does not call
  run(['shared', 'long', 'code'], ['up'], 'third', others)
  run(['shared', 'long'], ['up'], 'first')
  const [first = ''] = readdirSync(migrations)
    .filter(name => /^\d/.test(name))
    .toSorted()
  run(['shared', 'long'], ['up', '--to', first.replace(/\..*/, '')], 'second')
  const connection = new Database(join(folder, 'second/homelab.db'))
  // to look for earlier rows is a good part of a run
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan')")
  connection.close()
  run(['shared', 'long'], ['up'], 'second')
  // what a run with nothing to do needs, and nothing else: it would have to read that, too
  run(['main'], [], 'first')
} finally {
  rmSync(folder, { recursive: true })
}
