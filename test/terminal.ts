/** What the program writes to a real terminal, and what it leaves out elsewhere. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { runProgram, settingsFor } from './help/program.ts'
import { inShell, noTerminal, onTerminal } from './help/shell.ts'

const esc = '\u001b'

t.test('on a terminal', { skip: noTerminal }, async t => {
  const settings = settingsFor(t.testdir())

  t.test('what is due is yellow, headings are bold, and the words are those of a pipe', async t => {
    const { exitCode, output } = onTerminal('migrator status', settings)
    t.equal(exitCode, 0)
    t.match(output, `${esc}[33m3 pending${esc}[39m`)
    t.match(output, `${esc}[1mmigration${esc}[22m`)
    t.equal(stripVTControlCharacters(output), (await runProgram(['status'], settings)).stdout)
  })

  t.test('an error is red, and its text is what a pipe gets for MIGRATOR_LOG_FORMAT=text', async t => {
    const { exitCode, output } = onTerminal('migrator stats', settings)
    t.equal(exitCode, 2)
    t.match(output, `${esc}[31merror:${esc}[39m unknown command`)
    const { stderr } = await runProgram(['stats'], { ...settings, MIGRATOR_LOG_FORMAT: 'text' })
    t.equal(stripVTControlCharacters(output), stderr)
  })

  t.test('a misspelt setting is told as text too, though the settings are not known', async t => {
    const { exitCode, output } = onTerminal('migrator', { ...settings, MIGRATOR_CHEKC: 'x' })
    t.equal(exitCode, 2)
    t.match(
      stripVTControlCharacters(output),
      /^error: MIGRATOR_CHEKC is not a setting \(Did you mean MIGRATOR_CHECK\?\)/,
    )
  })

  t.test('headings of a help text are bold, its example among them', async t => {
    // commander itself would show none where CI is set
    const { output } = onTerminal('migrator status --help', { ...settings, CI: 'true' })
    for (const heading of ['Usage:', 'Options:', 'Example:']) t.match(output, `${esc}[1m${heading}${esc}[22m`)
  })

  for (const [title, setting] of [
    ['NO_COLOR', { NO_COLOR: '1' }],
    ['TERM=dumb', { TERM: 'dumb' }],
  ] as const) {
    t.test(`there are no colours with ${title}`, async t => {
      for (const line of ['migrator status', 'migrator stats', 'migrator --help'])
        t.notMatch(onTerminal(line, { ...settings, ...setting }).output, esc, line)
    })
  }

  t.test('an empty NO_COLOR is as good as none', async t => {
    t.match(onTerminal('migrator status', { ...settings, NO_COLOR: '' }).output, esc)
  })

  t.test('each output has colours of its own: a pipe or a file gets none beside a terminal', async t => {
    t.notMatch(onTerminal('migrator status | cat', settings).output, esc)
    t.notMatch(onTerminal('migrator --help | cat', settings).output, esc)
    t.notMatch(onTerminal('migrator stats 2>&1 | cat', settings).output, esc)
    t.match(onTerminal('migrator stats 2>&1 >/dev/null', settings).output, esc)
    t.match(onTerminal('migrator status 2>/dev/null', settings).output, esc)
  })

  t.test('the log is text, and ends in a summary', async t => {
    const { output } = onTerminal('migrator', settingsFor(t.testdir()))
    t.match(
      output,
      /^applied 0001-create-servers in \d+ ms\n(?:.*\n){2}3 applied in \d+ ms: .* is at 0003-add-os-info\n$/,
    )
  })

  t.test('where it is narrow nothing is cut, and no line of a table is too wide', async t => {
    const output = stripVTControlCharacters(onTerminal('migrator status', settings, { columns: 40 }).output)
    t.match(output, '\n  0001-create-servers\n    pending\n')
    t.ok(output.split('\n').every(line => !line.startsWith('  ') || line.length <= 40))
  })

  t.test('a bar is drawn while a backfill goes on, within the width, and is gone after', async t => {
    const folder = t.testdir({ data: {}, migrations: {} })
    const rows = 400_000
    const migration = `export const up = async ({ context }) => {
      await context.sequelize.query('CREATE TABLE points (id INTEGER PRIMARY KEY, x INTEGER)')
      await context.sequelize.query('WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO points SELECT i, 0 FROM n')
      const options = { table: 'points', batch: 1000 }
      await context.backfill('UPDATE points SET x = id WHERE id BETWEEN $first AND $last', options)
    }`
    writeFileSync(join(folder, 'migrations/0001-fill-points.js'), migration)
    const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
    const { exitCode, output } = onTerminal('migrator', settings, { columns: 40 })
    t.equal(exitCode, 0)
    const drawn = output.split(`\r${esc}[K`).filter(line => line.startsWith('points'))
    t.match(drawn.at(-1), /^points \[#+-+\] \d+ %/)
    t.ok(drawn.every(line => line.length < 40))
    t.match(output.split(`\r${esc}[K`).at(-1), /^applied 0001-fill-points in \d+ ms\n1 applied in .*\n$/)
  })
})

t.test('a pipe gets no colours, whatever FORCE_COLOR says of other programs', async t => {
  const settings = settingsFor(t.testdir(), { FORCE_COLOR: '1' })
  for (const line of ['migrator status', 'migrator --help', 'migrator stats 2>&1 || true'])
    t.notMatch(inShell(line, settings).stdout, esc, line)
})
