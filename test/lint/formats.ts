import { join } from 'node:path'
import t from 'tap'
import { type PlacedFinding, toAnnotation, toSarif } from '../../src/lint/formats.ts'
import { lint } from '../../src/lint/lint.ts'
import { report, rules } from '../../src/lint/rules.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { idleLimit } from '../../src/migrations/run.ts'
import { root } from '../help/program.ts'

const dropped: PlacedFinding = {
  code: 'DS103',
  message: 'drops the column a.y',
  statement: 'ALTER TABLE a DROP COLUMN y',
  direction: 'up',
  level: 'error',
  cure: 'Keep it.',
  place: { file: join(root, 'migrations/0004-drop y.ts'), line: 3, column: 7 },
}

t.test('an annotation for GitHub has file, line, column and code', async t => {
  t.equal(
    toAnnotation(dropped),
    '::error file=migrations/0004-drop y.ts,line=3,col=7,title=DS103::up drops the column a.y. Keep it.\n',
  )
})

t.test('what is not in a line is of the file, and what is special to GitHub is escaped', async t => {
  const odd = { ...dropped, message: '100 %\nor: so, ::', direction: null, place: { file: join(root, 'a,b:c.ts') } }
  t.equal(toAnnotation(odd), '::error file=a%2Cb%3Ac.ts,title=DS103::it 100 %25%0Aor: so, ::. Keep it.\n')
})

t.test('a log of SARIF has every rule, and each finding with its place', async t => {
  const { version, runs } = toSarif([dropped, { ...dropped, statement: null, place: { file: 'a.ts' } }], '1.2.3')
  t.equal(version, '2.1.0')
  t.match(runs[0]?.tool.driver, { name: 'homelab-migrator', version: '1.2.3' })
  t.strictSame(
    runs[0]?.tool.driver.rules.map(({ id }) => id),
    Object.keys(rules),
  )
  const [first, second] = runs[0]?.results ?? []
  t.strictSame(first, {
    ruleId: 'DS103',
    level: 'error',
    message: { text: 'up drops the column a.y' },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'migrations/0004-drop%20y.ts' },
          region: { startLine: 3, startColumn: 7 },
        },
      },
    ],
    properties: { statement: 'ALTER TABLE a DROP COLUMN y' },
  })
  t.strictSame(second?.locations, [{ physicalLocation: { artifactLocation: { uri: 'a.ts' } } }])
})

t.test('findings have the place of their statement, in every language and through helpers', async t => {
  const body = (run: string) => `await drop(schema)\n  await schema.renameColumn('a', 'x', 'z'); ${run}\n`
  const helper = "const drop = async schema => {\n  await schema.removeColumn('a', 'y')\n}\n"
  const folder = t.testdir({
    '0001-base.sql': '-- migrate:up\nCREATE TABLE a (x, y, v);\n',
    '0002-b.ts': `${helper}export const up = async ({ context: schema }) => {\n  ${body('Math.random()')}}\n`,
    '0003-c.sql': '-- migrate:up\nSELECT 1;\n\n  ALTER TABLE a DROP COLUMN v;\nDROP TABLE none;\n',
    '0004-d.js':
      'module.exports = {\n  up: queryInterface => queryInterface.dropTable(String(Math.random() && "a")),\n}\n',
    '0005-e.js': "exports.up = async schema => {\n  require('node:net'); await schema.nothing()\n}\n",
  })
  const signal = new AbortController().signal
  const linted = await lint(readMigrationFiles(folder), { version: '1.0.0', signal, idleLimit })
  const found = linted.flatMap(({ name, findings }) =>
    findings.map(report).map(({ code, place }) => {
      t.ok(place === null || place.file.startsWith(join(folder, name)))
      return `${name} ${code} ${place?.line}:${place?.column}`
    }),
  )
  t.strictSame(found.toSorted(), [
    '0002-b BC102 6:16',
    '0002-b DS103 2:16',
    '0002-b HM502 6:50',
    '0003-c HM001 5:1',
    '0004-d DS102 2:40',
    '0004-d HM502 2:62',
    '0005-e HM001 2:37',
    '0005-e HM503 undefined:undefined',
  ])
})
