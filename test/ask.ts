import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeMigrated } from './help/migrated.ts'
import { settingsFor } from './help/program.ts'
import { noTerminal, runOnTerminal } from './help/terminal.ts'

for (const [title, keys, exitCode, said] of [
  ['yes', 'y\n', 0, /restored/],
  ['yes, in full and in capitals', 'YES\n', 0, /restored/],
  ['no', 'n\n', 2, /not confirmed/],
  ['nothing, by Enter', '\n', 2, /not confirmed/],
  ['nothing, by Ctrl-D', '\u0004', 2, /not confirmed/],
  ['nothing, by Ctrl-C', '\u0003', 130, /stopped by SIGINT/],
] as const) {
  t.test(`a person at the terminal says ${title}: exit code ${exitCode}`, { skip: noTerminal }, async t => {
    const { folder, file, connection } = await makeMigrated(t)
    connection.close()
    const backup = join(folder, 'copy.db')
    copyFileSync(file, backup)
    const outcome = await runOnTerminal(['restore', backup], settingsFor(folder), /\[y\/N\]/, keys)
    t.match(outcome, { exitCode, screen: said })
  })
}
