/** Standard output is data: what becomes of it behind `| head`, `| jq` and `> file`. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runProgram, settingsFor } from './help/program.ts'
import { inShell } from './help/shell.ts'

/** So many pending migrations that their list is far larger than a pipe holds (64 KiB). */
const many = 1500
const folder = t.testdir({ migrations: {}, data: {} })
for (let number = 1; number <= many; number += 1) {
  const name = `${String(number).padStart(4, '0')}-with-a-name-that-is-as-long-as-names-are`
  writeFileSync(join(folder, `migrations/${name}.js`), 'export const up = async () => {}')
}
const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })

t.test('`| head` gets its line, and nobody complains about the rest', async t => {
  for (const words of ['status', 'status --json']) {
    const { exitCode, stdout, stderr } = inShell(`migrator ${words} | head -c 100`, settings)
    t.strictSame([exitCode, stdout.length, stderr], [0, 100, ''], words)
  }
})

t.test('what a command ends with stays the same behind `| head`', async t => {
  const { exitCode, stdout } = inShell('migrator status --exit-code | head -1', settings)
  t.equal(exitCode, 3)
  t.match(stdout, /1500 pending/)
})

t.test('a reader that takes its time gets every byte', async t => {
  const count = 'let all = 0; for await (const part of process.stdin) all += part.length; console.log(all)'
  const { stdout } = inShell(`migrator status --json | (sleep 0.5; node --input-type=module -e '${count}')`, settings)
  t.equal(Number(stdout), (await runProgram(['status', '--json'], settings)).stdout.length)
})

t.test('`status --json` is one line of JSON, for jq and for others', async t => {
  const read = 'JSON.parse(require("fs").readFileSync(0, "utf8")).pending'
  t.match(inShell(`migrator status --json | node -p '${read}'`, settings), { exitCode: 0, stdout: '1500\n' })
  t.match(inShell('migrator status --json | wc -l', settings), { stdout: /^\s*1\n$/ })
  const jq = 'if ! command -v jq >/dev/null; then echo false; else migrator status --json | jq .ready; fi'
  t.match(inShell(jq, settings), { exitCode: 0, stdout: 'false\n' })
})

t.test('a log that nobody reads on does not stop `up`', async t => {
  const data = t.testdir()
  inShell('migrator 2>&1 | true', settingsFor(data))
  t.equal(existsSync(join(data, '.ready')), true)
})

t.test('a full disk', { skip: !existsSync('/dev/full') && 'there is no /dev/full' }, async t => {
  t.test('under standard output is told, with 11', async t => {
    t.match(inShell('migrator status > /dev/full', settings), { exitCode: 11, stderr: /DISK_FULL/ })
  })

  t.test('under the log changes nothing of what is done', async t => {
    const data = t.testdir()
    t.match(inShell('migrator wait --timeout 0 2> /dev/full', settingsFor(data)), { exitCode: 20 })
    t.match(inShell('migrator 2> /dev/full', settingsFor(data)), { exitCode: 0 })
    t.equal(existsSync(join(data, '.ready')), true)
  })
})

t.test('a standard output that is not for writing is told as that, not as a full disk or a bad volume', async t => {
  t.match(inShell('migrator status 1< /dev/null', settings), {
    exitCode: 2,
    stderr: /standard output cannot be written \(EBADF\)/,
  })
})
