import type { SchemaObject } from '../engine.ts'
import { must } from '../failure.ts'
import { fold } from './sql.ts'

/** In the order in which they can be made. */
const kinds = [
  'type',
  'domain',
  'sequence',
  'table',
  'function',
  'index',
  'view',
  'materialized view',
  'trigger',
  'policy',
]

/** The objects of a schema as statements in runnable order: each comes after those that it needs. */
export const toScript = (objects: readonly SchemaObject[]): string =>
  kinds
    .flatMap(kind => inOrder(objects.filter(({ type }) => type === kind)))
    .map(({ sql }) => `${sql.replace(/ -- invalid$/, '')};\n`)
    .join('')

/** Tables after those that they refer to; a circle of tables stays as it is sorted. */
const inOrder = (objects: readonly SchemaObject[]): readonly SchemaObject[] => {
  const placed: SchemaObject[] = []
  const place = (object: SchemaObject, path: readonly string[]): void => {
    if (placed.includes(object) || path.includes(object.name)) return
    for (const name of references(object)) {
      const parent = objects.find(candidate => candidate.name === name)
      if (parent !== undefined) place(parent, [...path, object.name])
    }
    placed.push(object)
  }
  for (const object of objects) place(object, [])
  return placed
}

const references = ({ sql }: SchemaObject): readonly string[] =>
  [...sql.matchAll(/ REFERENCES ("(?:[^"]|"")+"|[\w$]+)\(/g)].map(([, name]) => fold(must(name)))
