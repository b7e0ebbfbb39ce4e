/** The command blocks of README.md and docs that need an engine; test/docs/blocks.ts runs the others. */
import t from 'tap'
import { documents, linesOf, readBlocks } from '../help/documents.ts'
import { buildImages, call, dockerOk, makeProject, makeVolume, skip } from '../help/engine.ts'

const blocks = documents
  .flatMap(readBlocks)
  .filter(block => block.language === 'sh' && linesOf(block).some(line => line.startsWith('docker ')))

t.test('blocks with docker', { skip }, async t => {
  const images = buildImages(t)

  for (const block of blocks) {
    t.test(`${block.document}, line ${block.line}`, async t => {
      const volume = makeVolume(t)
      for (const line of linesOf(block)) {
        const [, file, words] = /^docker compose(?: -f (\S+))? (.*)$/.exec(line) ?? []
        if (words === undefined) {
          // names that other tests, and people, do not have
          const own = line.replace('homelab-data:', `${volume}:`).replace(/ migrator(?= |$)/, ` ${images.migrator}`)
          t.doesNotThrow(() => dockerOk(...own.split(' ').slice(1)), line)
          continue
        }
        const project = makeProject(t, images, file === 'compose.sidecar.yaml' ? file : 'compose.yaml')
        t.match(project.compose(...words.split(' '), '--detach'), { exitCode: 0 }, line)
        t.match(await call(project.hubAddress(), 'GET', '/healthz'), { status: 'ok' }, 'the hub answers')
      }
    })
  }
})
