import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { drawnDocument, noChromium } from '../help/chromium.ts'
import { fromSources, root, settingsFor } from '../help/program.ts'

/** `env -i` keeps the examples out of the coverage that tap counts: that is of src. */
const wordsFor = (folder: string, ...words: readonly string[]): readonly string[] => [
  '-i',
  ...Object.entries({ ...settingsFor(folder), PORT: '0' }).map(pair => pair.join('=')),
  process.execPath,
  ...fromSources,
  ...words,
]
const seed = (folder: string) =>
  spawnSync('/usr/bin/env', wordsFor(folder, join(root, 'examples/demo.ts'), '--seed-only'), { encoding: 'utf8' })

/** The address of a hub on a database; it ends with the test. */
const startHub = async (t: Pick<Test, 'teardown'>, folder: string): Promise<string> => {
  const child = spawn('/usr/bin/env', wordsFor(folder, join(root, 'examples/hub/hub.ts')), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const line = await new Promise(resolve => child.stdout.once('data', resolve))
  return `http://127.0.0.1:${/"port":(\d+)/.exec(String(line))?.[1]}/`
}

const folder = t.testdir()

t.test('the demo makes 11 servers and 30 days of one-minute metrics, once', async t => {
  t.match(seed(folder), { status: 0, stdout: /475,200 metrics, made in/, stderr: /\[#{40}\] 100 %/ })
  t.match(seed(folder), { status: 0, stdout: /475,200 metrics already/ })
  const connection = new Database(join(folder, 'homelab.db'), { readonly: true })
  t.teardown(() => connection.close())
  const query = 'SELECT count(*) FROM metrics GROUP BY server_id'
  t.strictSame(connection.prepare(query).pluck().all(), Array(11).fill(43_200))
})

t.test(
  'a browser shows each server, its state, its last values and two lines of a day',
  { skip: noChromium },
  async t => {
    const page = drawnDocument(await startHub(t, folder))
    const articles = page.split('<article ').slice(1)
    t.equal(articles.length, 11)
    t.match(page, '9 of 11 servers online')
    for (const article of articles) {
      t.match(article, /class="state (?:online|offline|unknown)"/)
      t.match(article, /CPU<\/dt><dd>\d+\.\d %/)
      t.match(article, /Memory<\/dt><dd>\d+\.\d %/)
      t.match(article, /Disk \d+\.\d %.*Load \d+\.\d\d.*Up \d+/s)
      const lines = [...article.matchAll(/<path d="M0 ([^"]+)"/g)]
      t.equal(lines.length, 2)
      for (const [, line = ''] of lines) t.equal(line.split('L').length, 144, 'a point for each ten minutes')
    }
    t.match(page, /backup\.lan <span class="state offline">offline<\/span><\/h2>\s*<p>[^<]*seen 3 days ago/)
  },
)

t.test('what an agent reports is shown as text, and gaps as gaps', { skip: noChromium }, async t => {
  const folder = t.testdir()
  spawnSync('/usr/bin/env', wordsFor(folder, join(root, 'bin/migrator.js')))
  const address = await startHub(t, folder)
  t.match(drawnDocument(address), 'No servers yet')
  const hostname = `<script>document.title = 'taken'</script><img src=x onerror="document.title='taken'">`
  const put = (id: string, body: object) =>
    fetch(`${address}servers/${id}`, { method: 'PUT', body: JSON.stringify(body) })
  await put('a', { hostname, status: '" onload="x' })
  await put('b', { hostname: 'b.lan' })
  for (const [minute, cpu_percent] of [
    ['00', 10],
    ['10', null],
    ['20', 250],
    ['40', 20],
  ] as const) {
    const body = JSON.stringify({ timestamp: `2026-01-18T10:${minute}:00Z`, cpu_percent })
    await fetch(`${address}servers/b/metrics`, { method: 'POST', body })
  }
  const page = drawnDocument(address)
  t.match(page, '<title>Homelab: 0 of 2 online</title>')
  t.notMatch(page, /<(?:script|img)/)
  t.match(page, '&lt;script&gt;')
  t.match(page, 'aria-label="CPU, 10.0 % to 250.0 %"')
  t.match(page, '<path d="M139 90.0M141 0.0M143 80.0">')
  t.match(page, /never seen/)
})
