/** The Compose files by the schema that comes with Debian's docker-compose: that of the Compose Specification, which 1.29 and v2 read. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { root } from '../help/program.ts'

const schema = '/usr/lib/python3/dist-packages/compose/config/compose_spec.json'
const skip = process.env.CI !== 'true' && !existsSync(schema) && "there is no docker-compose of Debian's"

const validator = () => {
  // its names have the key of draft 4, and its dialect an address of http: no validator of its dialect takes either
  const isName = (key: string, value: unknown) => (key === 'id' || key === '$schema') && typeof value === 'string'
  const rules = JSON.parse(readFileSync(schema, 'utf8'), (key, value) => (isName(key, value) ? undefined : value))
  return new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(rules)
}

const files = ['compose.yaml', 'compose.sidecar.yaml', 'compose.postgres.yaml']

t.test('all are valid, and have no version, which v2 warns of', { skip }, async t => {
  const isValid = validator()
  for (const file of files) {
    const found = parse(readFileSync(join(root, file), 'utf8'), { merge: true })
    t.ok(isValid(found), `${file}: ${JSON.stringify(isValid.errors)}`)
    t.notOk('version' in found, file)
  }
})

t.test('each tells its migrators by which command they are run', async t => {
  for (const file of files) {
    const { services } = parse(readFileSync(join(root, file), 'utf8'), { merge: true })
    const migrators = Object.keys(services).filter(name => name.startsWith('migrator'))
    const form = /^docker compose (?:(?:-f|--file) (?<file>\S+) )?run --rm (?<service>\S+)$/
    for (const name of migrators) {
      const found = form.exec(services[name].environment?.MIGRATOR_COMMAND)?.groups
      t.ok(found?.service !== undefined && migrators.includes(found.service), `${file}: ${name}`)
      t.equal(found?.file ?? 'compose.yaml', file)
    }
  }
})

t.test('a key that does not exist is found, wherever it is', { skip }, async t => {
  const isValid = validator()
  const text = readFileSync(join(root, 'compose.sidecar.yaml'), 'utf8')
  for (const key of ['services', 'read_only', 'cap_drop', 'context', 'condition', 'start_period', 'network_mode']) {
    t.notOk(isValid(parse(text.replace(`${key}:`, `${key}x:`))), key)
  }
})
