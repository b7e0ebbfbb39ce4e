import { join } from 'node:path'
import { readJson, root } from './program.ts'

const version = String(readJson(join(root, 'package.json')).version)

/** What is different from run to run or from machine to machine, each by the word that stands for it. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME'],
  [/(?<=[-_])\d{8}T\d{6}Z/g, 'TIME'],
  // a statement that took no whole millisecond is shown without
  [/(?:, | {2}-- )[\d,]+ ms$/gm, ''],
  [/[\d,]+ ms\b/g, 'N ms'],
  [/(?<="milliseconds":)[\d.]+/g, 'N'],
  [/(?<="milliseconds":\{"backup":)\d+,"rest":\d+/g, 'N,"rest":N'],
  [/[\d.]+ (?:B|[kMG]B)\b/g, 'SIZE'],
  [/(?<="bytes":)\d+/g, 'N'],
  [/sha256:[\da-f]+…?/g, 'sha256:DIGEST'],
  [/(?<="seen":")[^"]+/g, 'SEEN'],
  // columns are as wide as what was in them; the indent stays
  [/(?<=\S) {2,}/g, '  '],
]

/** An output as it is each time and everywhere: its times, sizes, versions and the folders named here are masked. */
export const mask = (text: string, folders: Readonly<Record<string, string>>): string => {
  const paths = Object.entries({ ...folders, ROOT: root }).sort(([, a], [, b]) => b.length - a.length)
  const without = paths.reduce((rest, [word, path]) => rest.replaceAll(path, word), text).replaceAll(version, 'VERSION')
  return masks.reduce((rest, [pattern, word]) => rest.replaceAll(pattern, word), without)
}
