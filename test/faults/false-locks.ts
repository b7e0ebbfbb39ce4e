/**
 * A FUSE filesystem, on which locks hold or do not: bindfs for the first, and a library that answers every request for a lock with
 * yes for the second. Needs root, bindfs and a C compiler.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { withMount } from '../help/mount.ts'
import { dump, runProgram, settingsFor } from '../help/program.ts'

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0
const skip = (process.getuid?.() !== 0 || !has('bindfs') || !has('gcc')) && 'needs root, bindfs and gcc'

/** link(2) as of a filesystem that has no hard links. */
const noLinks = `
  #include <errno.h>
  int link(const char *from, const char *to) { errno = EPERM; return -1; }
`

/** fcntl(2) for locks, as of a filesystem that has none and does not say so. */
const falseLocks = `
  #define _GNU_SOURCE
  #include <dlfcn.h>
  #include <fcntl.h>
  #include <stdarg.h>
  static int answer(const char *name, int fd, int command, void *argument) {
    if (command == F_SETLK || command == F_SETLKW) return 0;
    if (command == F_GETLK) { ((struct flock *)argument)->l_type = F_UNLCK; return 0; }
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
    return real(fd, command, argument);
  }
  #define FCNTL(name) int name(int fd, int command, ...) { \\
    va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list); \\
    return answer(#name, fd, command, argument); }
  FCNTL(fcntl)
  FCNTL(fcntl64)
`

/** Two folders of a test, the second of which shows the first by FUSE while the work is done. */
const withFuse = async (
  t: Pick<Test, 'testdir'>,
  work: (source: string, data: string, folder: string) => Promise<void>,
): Promise<void> => {
  const folder = t.testdir({ source: {}, data: {} })
  const [source, data] = [join(folder, 'source'), join(folder, 'data')]
  await withMount(data, ['-t', 'fuse.bindfs', source], () => work(source, data, folder))
}

/** Makes a library to be loaded before all others (LD_PRELOAD). @returns its path */
const compile = (folder: string, source: string): string => {
  const [text, library] = [join(folder, 'library.c'), join(folder, 'library.so')]
  writeFileSync(text, source)
  const { status, stderr } = spawnSync('gcc', ['-shared', '-fPIC', '-o', library, text, '-ldl'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`gcc exited ${status}: ${stderr}`)
  return library
}

t.test('on FUSE where locks hold a new database has a rollback journal, and a warning says why', { skip }, async t => {
  await withFuse(t, async (_, data) => {
    const { exitCode, events } = await runProgram([], settingsFor(data))
    t.equal(exitCode, 0)
    t.match(
      events.filter(({ level }) => level === 'warn'),
      [{ event: 'volume.shared', filesystem: /^fuse/, message: /rollback journal instead of a WAL/ }],
    )
    const connection = new Database(join(data, 'homelab.db'))
    t.equal(connection.pragma('journal_mode', { simple: true }), 'delete')
    connection.close()
    t.match((await runProgram([], settingsFor(data))).events, [{ event: 'up.nothing' }])
    t.match(await runProgram(['backup'], settingsFor(data)), { exitCode: 0 })
    t.match(await runProgram(['restore', '--latest', '--yes'], settingsFor(data)), { exitCode: 0 })
    t.match((await runProgram([], settingsFor(data))).events, [{ event: 'up.nothing' }])
  })
})

t.test('a database in WAL mode there keeps its mode, and a warning says how to change it', { skip }, async t => {
  await withFuse(t, async (source, data) => {
    await runProgram([], settingsFor(source))
    const outcome = await runProgram([], settingsFor(data, { MIGRATOR_CHECK: 'always' }))
    t.match(outcome, { exitCode: 0 })
    t.match(
      outcome.events.filter(({ level }) => level === 'warn'),
      [{ event: 'volume.shared', message: /in WAL mode.*PRAGMA journal_mode = DELETE/ }],
    )
    const connection = new Database(join(source, 'homelab.db'))
    t.equal(connection.pragma('journal_mode', { simple: true }), 'wal')
    connection.close()
  })
})

t.test(
  'where locks do not hold between two processes it is refused with 13, and nothing is changed',
  { skip },
  async t => {
    await withFuse(t, async (source, data, folder) => {
      const library = compile(folder, falseLocks)
      const withoutLocks = { ...settingsFor(data), LD_PRELOAD: library }
      t.match(await runProgram([], withoutLocks), { exitCode: 13, failure: 'FILESYSTEM_UNSUITABLE' })
      t.strictSame(readdirSync(source), [], 'an empty volume stays empty')
      await runProgram([], settingsFor(data))
      const before = dump(join(source, 'homelab.db'))
      t.match(await runProgram([], { ...withoutLocks, MIGRATOR_CHECK: 'always' }), { exitCode: 13 })
      t.equal(dump(join(source, 'homelab.db')), before)
      t.strictSame(readdirSync(source).toSorted(), ['.ready', 'homelab.db'])
    })
  },
)

t.test(
  'where there are no hard links a restore moves the old database aside',
  { skip: !has('gcc') && 'needs gcc' },
  async t => {
    const folder = t.testdir({ data: {} })
    const settings = { ...settingsFor(join(folder, 'data')), LD_PRELOAD: compile(folder, noLinks) }
    await runProgram([], settings)
    await runProgram(['backup'], settings)
    t.match(await runProgram(['restore', '--latest', '--yes'], settings), { exitCode: 0 })
    t.match((await runProgram([], settings)).events, [{ event: 'up.nothing' }])
    t.equal(readdirSync(join(folder, 'data')).filter(name => name.includes('.replaced-')).length, 1)
  },
)
