import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { noChromium, openBrowser } from '../help/chromium.ts'
import { fromSources, root, settingsFor } from '../help/program.ts'

// a hub compiles all of Sequelize
const { NODE_COMPILE_CACHE } = process.env

/** `env -i` keeps the examples out of the coverage that tap counts: that is of src. */
const wordsFor = (folder: string, ...words: readonly string[]): readonly string[] => [
  '-i',
  ...Object.entries({ NODE_COMPILE_CACHE, PORT: '0', ...settingsFor(folder) }).map(pair => pair.join('=')),
  process.execPath,
  ...fromSources,
  ...words,
]
const run = (folder: string, ...words: readonly string[]) =>
  spawnSync('/usr/bin/env', wordsFor(folder, ...words), { encoding: 'utf8' })
const demo = join(root, 'examples/demo.ts')
const fill = join(root, 'examples/hub/demo.ts')
const migrator = join(root, 'bin/migrator.js')

/** A hub on a database; it ends with the test. */
const startHub = async (t: Pick<Test, 'teardown'>, folder: string) => {
  const child = spawn('/usr/bin/env', wordsFor(folder, join(root, 'examples/hub/hub.ts')), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const line = await new Promise(resolve => child.stdout.once('data', resolve))
  const address = `http://localhost:${/localhost:(\d+)/.exec(String(line))?.[1]}/`
  const send = (method: string, path: string, body: object) =>
    fetch(address + path, { method, body: JSON.stringify(body) })
  return { child, address, send }
}

const folder = t.testdir()

t.test('the demo makes 11 servers and 30 days of metrics, and brings them up to date however old they are', async t => {
  t.match(run(folder, demo, '--seed-only'), { status: 0, stdout: /metrics made in/ })
  const connection = new Database(join(folder, 'homelab.db'))
  t.teardown(() => connection.close())
  const ages = `SELECT max(unixepoch() - unixepoch(timestamp)) / 86400 AS oldest, min(unixepoch() - unixepoch(timestamp)) / 60 AS newest
    FROM metrics JOIN servers ON servers.id = server_id WHERE status = 'online' AND hostname NOT IN ('printer.lan', 'workstation.lan')
    GROUP BY server_id`
  const isFresh = (found: unknown) => t.strictSame(found, Array(8).fill({ oldest: 29, newest: 0 }))
  const read = () => connection.prepare<[], { newest: number }>(ages).all()
  isFresh(read().map(row => ({ ...row, newest: Math.floor(row.newest / 3) })))
  connection.exec(`UPDATE metrics SET timestamp = datetime(timestamp, '-5 days')`)
  t.match(run(folder, fill, '--once'), { status: 0, stdout: /metrics made in/ })
  isFresh(read().map(row => ({ ...row, newest: Math.floor(row.newest / 3) })))
  const alike = connection.prepare(
    'SELECT count(DISTINCT round(a, 1)) FROM (SELECT avg(cpu_percent) AS a FROM metrics GROUP BY server_id)',
  )
  t.equal(alike.pluck().get(), 11, 'no server is like another')
})

t.test('where a hub has servers of its own, the demo adds none, and removes none but its own', async t => {
  const folder = t.testdir()
  run(folder, migrator)
  const connection = new Database(join(folder, 'homelab.db'))
  t.teardown(() => connection.close())
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('nas', 'nas.lan')")
  t.match(run(folder, fill, '--once'), { status: 0, stdout: /has servers of its own/ })
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('demo-nas', 'nas.lan')")
  t.match(run(folder, fill, '--remove'), { status: 0, stdout: /^1 servers removed/ })
  t.strictSame(connection.prepare('SELECT id FROM servers').pluck().all(), ['nas'])
})

t.test('a port that is taken is told, with one that can be pasted, before anything is made', async t => {
  const folder = t.testdir()
  const server = createServer().listen(0)
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const words = wordsFor(folder, demo).map(word => (word === 'PORT=0' ? `PORT=${port}` : word))
  t.match(spawnSync('/usr/bin/env', words, { encoding: 'utf8' }), {
    status: 1,
    stdout: /^$/,
    stderr: new RegExp(`^the demo does not start: port ${port} is taken\\..* PORT=${port + 1} npm run demo\n$`),
  })
})

t.test('in a browser', { skip: noChromium }, async t => {
  const page = await openBrowser()
  t.teardown(() => page.close())
  const texts = (selector: string) =>
    page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map(found => found.innerText)`)

  t.test(
    'servers in trouble come first; one that is not heard of is grey, and its values are its last ones',
    async t => {
      const { address } = await startHub(t, folder)
      await page.open(address, { width: 1280, scheme: 'light' })
      t.match(await page.evaluate('document.title'), /^Homelab: [89] of 11 online$/)
      const states = await page.evaluate(`[...document.querySelectorAll('article')].map(({ className }) => className)`)
      t.match(states, ['past offline', 'past silent'])
      t.match(await texts('.full .high'), ['93 %'])
      t.match(await texts('#demo-backup h3'), [/CPU\s+last \d+ %/, /last/, /last/, /last/, /last/])
      t.match(await texts('#demo-backup figcaption'), ['nothing for 24 hours', 'nothing for 24 hours'])
      t.notMatch(await texts('#demo-nas h3'), [/last/])
      const facts = ['Schema', 'Ready since', 'Last check', 'Rows', 'Last backup']
      t.strictSame(await texts('footer dt'), facts)
      t.match(await texts('footer dd'), [
        '0003-add-os-info',
        /UTC$/,
        /UTC$/,
        /^11 servers, [\d,]+ metrics$/,
        'none yet',
      ])
    },
  )

  t.test('it can be read in light and in dark, wide and on a phone', async t => {
    const { address } = await startHub(t, folder)
    for (const [name, width] of [
      ['wide', 1280],
      ['phone', 390],
    ] as const)
      for (const scheme of ['light', 'dark'] as const) {
        await page.open(address, { width, scheme })
        await page.keepPicture(join(root, `.tap/pictures/hub-${name}-${scheme}.png`))
        t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, `${name}: nothing is cut off`)
        t.strictSame(await page.evaluate(paleTexts), [], `${scheme}: no text is too pale`)
      }
  })

  t.test('a first page has commands that can be pasted, and renews itself without being loaded again', async t => {
    const folder = t.testdir()
    run(folder, migrator)
    const { child, address } = await startHub(t, folder)
    await page.open(address, { width: 1280, scheme: 'dark' })
    await page.keepPicture(join(root, '.tap/pictures/hub-first-dark.png'))
    const [commands] = (await texts('pre')) as readonly string[]
    t.match(spawnSync('/bin/sh', ['-ec', commands ?? 'false']), { status: 0 })
    await page.evaluate('window.isSame = true; renew()')
    t.match(await texts('article h2'), [/nas\.lan\s+● online|nas\.lan\s+online/])
    t.match(await texts('article h3 b'), ['12 %', '40 %', '55 %', '–', '–'])
    t.equal(await page.evaluate('window.isSame'), true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await page.evaluate('renew()')
    t.match(await texts('#lost'), [/^The hub does not answer\. This is how it was at /])
    t.match(await texts('article h2'), [/nas\.lan/])
  })

  t.test('what an agent reports is shown as text, and gaps as gaps', async t => {
    const folder = t.testdir()
    run(folder, migrator)
    const { address, send } = await startHub(t, folder)
    const hostname = `<script>document.title = 'taken'</script><img src=x onerror="document.title='taken'">`
    await send('PUT', 'servers/a', { hostname, status: '" onload="x' })
    await send('PUT', 'servers/b', { hostname: 'b.lan' })
    const now = Date.now()
    for (const [minutes, cpu_percent] of [
      [45, 10],
      [35, null],
      [25, 250],
      [15, 30],
      [3, 20],
    ] as const)
      await send('POST', 'servers/b/metrics', {
        timestamp: new Date(now - minutes * 60_000).toISOString(),
        cpu_percent,
      })
    await page.open(address, { width: 1280, scheme: 'light' })
    t.equal(await page.evaluate('document.title'), 'Homelab: 1 of 2 online')
    t.equal(await page.evaluate(`document.querySelectorAll('body script, img').length`), 0)
    t.match(await texts('#a h2'), [/<script>.*\s+new/s])
    const lines = `[...document.querySelectorAll('#b figure:first-of-type .line')].map(line => line.getAttribute('d'))`
    t.strictSame(await page.evaluate(lines), ['M139 90L139.5 90L140 90', 'M141 0L141.5 0L142.5 70L143.5 80L144 80'])
    t.match(
      await page.evaluate(`document.querySelector('#b svg').getAttribute('aria-label')`),
      'CPU over 24 hours: 10 % to 250 %',
    )
  })
})

/** Texts whose contrast with what is behind them is below 4.5, as WCAG counts it. */
const paleTexts = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const parse = colour => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const brightness = colour => {
    const [red, green, blue] = parse(colour).map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const behind = element => {
    const colour = getComputedStyle(element).backgroundColor
    return parse(colour)[3] === 255 ? colour : behind(element.parentElement)
  }
  return [...document.body.querySelectorAll('*')]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim() !== ''))
    .map(element => {
      const [dark, light] = [brightness(getComputedStyle(element).color), brightness(behind(element))].sort((a, b) => a - b)
      return [element.textContent.slice(0, 20), (light + 0.05) / (dark + 0.05)]
    })
    .filter(([, contrast]) => !(contrast >= 4.5))
})()`
