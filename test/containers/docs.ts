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
      const sidecar = block.text.includes('-f compose.sidecar.yaml')
      const project = makeProject(t, images, sidecar ? 'compose.sidecar.yaml' : 'compose.yaml')
      if (/restore|backup/.test(block.text)) {
        // what was there before there was something to restore
        t.match(project.compose('up', '--detach'), { exitCode: 0 })
        t.match(project.compose('run', '--rm', 'migrator', 'backup'), { exitCode: 0 })
      }
      for (const line of linesOf(block)) {
        const [, words] = /^docker compose(?: -f \S+)? (.*)$/.exec(line) ?? []
        if (words === undefined) {
          // names that other tests, and people, do not have
          const own = line
            .replace('homelab-data:', `${volume}:`)
            .replace(/ homelab-migrator(?= |$)/, ` ${images.migrator}`)
          t.doesNotThrow(() => dockerOk(...own.split(' ').slice(1)), line)
          continue
        }
        if (words !== 'up') {
          t.match(project.compose(...words.split(' ')), { exitCode: 0 }, line)
          continue
        }
        t.match(project.compose('up', '--detach'), { exitCode: 0 }, line)
        t.match(await call(project.hubAddress(), 'GET', '/healthz'), { status: 'ok' }, 'the hub answers')
      }
    })
  }
})
