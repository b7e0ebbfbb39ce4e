/**
 * Makes bundle/, or the folder that is named, what the image runs: the same program as src in few files of CommonJS, which Node loads faster than modules.
 *
 *     main.cjs        the short way of `up`, better-sqlite3's part in JavaScript included; runs when it is loaded
 *     bring-up.cjs, cli.cjs, ...   each what main.cjs or another one imports dynamically, never read by the short way
 *     chunk-*.cjs     what several of those share
 *     sequelize.mjs   what migrations get for `sequelize`: the copy that the bundle uses itself
 *     *.node          better-sqlite3's binary for this system
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { type BuildOptions, build, type Plugin, transform } from 'esbuild'

const root = join(import.meta.dirname, '..')
const dist = resolve(process.argv[2] ?? join(root, 'bundle'))
const main = join(root, 'src/main.ts')
const fileOf = (path: string): string => `./${basename(path).replace(/(?:\.[cm]?[jt]s)?$/, '.cjs')}`

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node22.18',
  // not the identifiers: Sequelize looks at the names of classes, and keepNames takes 36 ms when it loads
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true,
  legalComments: 'none',
  outdir: dist,
  outExtension: { '.js': '.cjs' },
  loader: { '.node': 'copy' },
  assetNames: '[name]',
  // better-sqlite3 by the entry that has one binary instead of a choice of eight
  alias: {
    'better-sqlite3': `better-sqlite3/${process.platform}-${process.arch}`,
    // without the names of time zones: all that is stored is UTC
    'moment-timezone': 'moment-timezone/moment-timezone.js',
  },
  // what Sequelize's PostgreSQL types and pg ask for, and nobody calls
  external: ['pg-hstore', 'pg-native', 'pg-cloudflare', '@sequelize/core', '@sequelize/sqlite3'],
  logLevel: 'warning',
} as const satisfies BuildOptions

/** An import of a file of the bundle as a require: the loader of modules takes some milliseconds to start. */
const requireOwn = (text: string): string =>
  text.replaceAll(/\bimport\(("\.\/[\w-]+\.cjs")\)/g, 'Promise.resolve().then(()=>require($1))')

/** In the short way a dynamic import is the border: what is behind it is a file of its own. */
const cutAtDynamicImports = (targets: Set<string>): Plugin => ({
  name: 'cut at dynamic imports',
  setup: ({ onResolve, resolve: resolveImport }) => {
    onResolve({ filter: /.*/ }, async ({ kind, path, importer, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === 'seen') return undefined
      const found = await resolveImport(path, { kind, importer, resolveDir, pluginData: 'seen' })
      targets.add(found.path)
      return { path: fileOf(found.path), external: true }
    })
  },
})

/** In the long way what main.cjs has already is taken from there: one class Failure, one better-sqlite3. */
const shareWithMain = (shared: ReadonlySet<string>): Plugin => ({
  name: 'share with main.cjs',
  setup: ({ onResolve, resolve: resolveImport }) => {
    onResolve({ filter: /.*/ }, async ({ kind, path, importer, resolveDir, pluginData }) => {
      if (kind === 'entry-point' || pluginData === 'seen') return undefined
      const found = await resolveImport(path, { kind, importer, resolveDir, pluginData: 'seen' })
      return shared.has(found.path) ? { path: './main.cjs', external: true } : undefined
    })
  },
})

const otherDialects = 'db2|mariadb|mssql|mysql|oracle|snowflake'

/** What Umzug and Sequelize load and nobody uses here, and what stands in its place. docs/performance.md has what it takes. */
const unused: readonly Readonly<{ filter: RegExp; from: string; contents: string }>[] = [
  // its command line
  { filter: /^\.\/cli$/, from: 'umzug', contents: 'exports.UmzugCLI = class {}' },
  // to find migrations by a pattern
  { filter: /^tinyglobby$/, from: 'umzug', contents: '' },
  { filter: new RegExp(`^\\./dialects/(?:${otherDialects})$`), from: 'sequelize', contents: '' },
  {
    filter: new RegExp(`^\\./dialects/(?:${otherDialects})/data-types$`),
    from: 'sequelize',
    contents: 'module.exports = () => ({})',
  },
  // its log for DEBUG=sequelize
  { filter: /^debug$/, from: 'sequelize', contents: 'module.exports = () => () => {}' },
]

const withoutUnused: Plugin = {
  name: 'without what is not used',
  setup: ({ onResolve, onLoad }) => {
    for (const { filter, from, contents } of unused) {
      onResolve({ filter }, ({ path, importer }) =>
        importer.includes(`node_modules/${from}/`) ? { path, namespace: 'unused', pluginData: contents } : undefined,
      )
    }
    onLoad({ filter: /.*/, namespace: 'unused' }, ({ pluginData }) => ({ contents: pluginData }))
    // the validators of models: loaded when the first one is asked for
    onResolve({ filter: /\/validator-extras$/ }, ({ path, namespace }) =>
      namespace === 'lazy' ? undefined : { path, namespace: 'lazy' },
    )
    onLoad({ filter: /.*/, namespace: 'lazy' }, () => ({
      resolveDir: root,
      contents: `const load = () => require('./node_modules/sequelize/lib/utils/validator-extras.js').validator
        exports.validator = new Proxy({}, { get: (_, name) => load()[name] })`,
    }))
  },
}

const define = {
  'import.meta.dirname': '__dirname',
  'import.meta.resolve': 'resolveBundled',
  bundledVersion: JSON.stringify(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version),
}
const banner = {
  js: "const resolveBundled = name => require('node:url').pathToFileURL(__dirname + '/' + name + '.mjs').href;",
}

/** The short way, with what the long way imports of it exported. @returns what it imports dynamically, and its files */
const bundleMain = async () => {
  const targets = new Set<string>()
  const options = { ...common, define, format: 'cjs', plugins: [cutAtDynamicImports(targets)] } as const
  const { metafile } = await build({ ...options, entryPoints: [main], write: false })
  const sources = Object.keys(metafile.inputs).map(input => join(root, input))
  const own = sources.filter(source => source.startsWith(join(root, 'src')) && source !== main)
  const exports = (await importedByRest(targets, new Set(own))).map(
    ([source, names]) => `export { ${[...names].join(', ')} } from './${relative(root, source)}'`,
  )
  const contents = [...exports, "export { default } from 'better-sqlite3'", "import './src/main.ts'"].join('\n')
  await build({
    ...options,
    stdin: { contents, resolveDir: root, sourcefile: 'main' },
    outdir: undefined,
    outfile: join(dist, 'main.cjs'),
  })
  writeFileSync(join(dist, 'main.cjs'), requireOwn(readFileSync(join(dist, 'main.cjs'), 'utf8')))
  const database = sources.filter(source => source.includes('node_modules/better-sqlite3/lib/linux'))
  return { targets, shared: new Set([...own, ...database]) }
}

/** What the long way imports by name from files of the short way: file -> names. Nothing else stays in main.cjs for its sake. */
const importedByRest = async (targets: ReadonlySet<string>, shared: ReadonlySet<string>) => {
  const { metafile } = await build(restOptions(targets, shared))
  const imported = new Map<string, Set<string>>()
  for (const input of Object.keys(metafile.inputs).filter(input => input.startsWith('src/'))) {
    const text = readFileSync(join(root, input), 'utf8')
    for (const [, specifiers = '', path = ''] of text.matchAll(/^import \{([^}]*)\} from '(\.[^']*)'/gm)) {
      const source = join(root, dirname(input), path)
      if (!shared.has(source)) continue
      const names = specifiers.split(',').map(specifier => specifier.trim().replace(/ as .*/, ''))
      const values = names.filter(name => name !== '' && !name.startsWith('type '))
      imported.set(source, new Set([...(imported.get(source) ?? []), ...values]))
    }
  }
  return [...imported]
}

/** How the long way is bundled, not yet written. */
const restOptions = (targets: ReadonlySet<string>, shared: ReadonlySet<string>) =>
  ({
    ...common,
    define,
    format: 'esm',
    splitting: true,
    write: false,
    entryPoints: [
      ...[...targets].map(target => ({ in: target, out: basename(fileOf(target), '.cjs') })),
      { in: 'sequelize', out: 'sequelize' },
    ],
    plugins: [shareWithMain(shared), withoutUnused],
  }) as const satisfies BuildOptions

/** The long way: modules with what they share in chunks, which esbuild makes of ESM alone, each turned into CommonJS after. */
const bundleRest = async (targets: ReadonlySet<string>, shared: ReadonlySet<string>): Promise<void> => {
  const { metafile } = await build({ ...restOptions(targets, shared), write: true })
  for (const output of Object.keys(metafile.outputs).filter(file => file.endsWith('.cjs'))) {
    const file = resolve(root, output)
    const text = readFileSync(file, 'utf8')
    if (basename(file) === 'sequelize.cjs') {
      rmSync(file)
      writeFileSync(file.replace(/cjs$/, 'mjs'), text)
      continue
    }
    const { code } = await transform(text, {
      format: 'cjs',
      platform: 'node',
      target: common.target,
      minifyWhitespace: true,
    })
    writeFileSync(file, requireOwn(`${text.includes('resolveBundled') ? banner.js : ''}${code}`))
  }
}

rmSync(dist, { recursive: true, force: true })
const { targets, shared } = await bundleMain()
await bundleRest(targets, shared)
