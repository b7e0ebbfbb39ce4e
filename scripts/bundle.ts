/**
 * Makes bundle/, or the folder that is named, what the image runs: the same program as src in few files of CommonJS, which Node loads faster than modules.
 *
 *     main.cjs        the short way of `up`, better-sqlite3's part in JavaScript included; runs when it is loaded
 *     shared.cjs      what a server needs always, and a file where there is something to do
 *     on-server.cjs   what the short way needs besides on a server
 *     driver.cjs      pg, and what connects by it, which a run with nothing to do does without
 *     cli.cjs, ready-bring-up.cjs, ...   each what one of those or another one imports dynamically, never read by the short way
 *     long.cjs        what `up` needs where there is something to do
 *     code.cjs        what it needs beside that for migrations in code: Sequelize, and what makes it safe
 *     main.js, ...    the code of main, shared, on-server, long and code, with main.js.cache, ... beside it once scripts/warm.ts has run
 *     chunk-*.cjs     what several of those share
 *     sequelize.mjs   what migrations get for `sequelize`: the copy that the bundle uses itself
 *     *.node          better-sqlite3's binary for this system
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { type BuildOptions, build, type Plugin, transform } from 'esbuild'

const root = join(import.meta.dirname, '..')
const dist = resolve(process.argv[2] ?? join(root, 'bundle'))
const main = join(root, 'src/main.ts')
/** Files of the short way on a server, and the sources that they begin with. */
const onServer = {
  'on-server.cjs': ['server.ts', 'postgres/postgres.ts', 'on-server/up.ts'].map(file => join(root, 'src', file)),
  'driver.cjs': [join(root, 'src/postgres/session.ts')],
}

/** Of the server's engine; what else a server needs, a run on a file may need, too. */
const isOfServer = (source: string): boolean =>
  /^src\/(?:server\.ts$|postgres\/|on-server\/)/.test(relative(root, source))

/** `src/ready/bring-up.ts` is `ready-bring-up`. */
const nameOf = (source: string): string => relative(join(root, 'src'), source).replaceAll('/', '-').slice(0, -3)

/** The file of the bundle that has a file of src. */
const fileOf = (source: string): string =>
  Object.entries(onServer).find(([, sources]) => sources.includes(source))?.[0] ?? `${nameOf(source)}.cjs`

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
      return { path: `./${fileOf(found.path)}`, external: true }
    })
  },
})

/** What a file of the short way has already is taken from there: one class Failure, one better-sqlite3, one pg. */
const shareWith = ({ file, shared }: ShortFile): Plugin => ({
  name: `share with ${file}`,
  setup: ({ onResolve, resolve: resolveImport }) => {
    onResolve({ filter: /.*/ }, async ({ kind, path, importer, resolveDir, pluginData }) => {
      // a package asks its own files for nothing that is shared: most of all imports
      const isInside = path.startsWith('.') && importer.includes('/node_modules/')
      if (kind === 'entry-point' || pluginData === 'seen' || isInside) return undefined
      const found = await resolveImport(path, { kind, importer, resolveDir, pluginData: 'seen' })
      return shared.has(found.path) ? { path: `./${file}`, external: true } : undefined
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
    // there the command line is left out
    onLoad({ filter: /\/src\/umzug\.ts$/ }, () => ({ resolveDir: root, contents: "export * from 'umzug'" }))
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

/** pg by way of node:crypto, which is loaded anyway, instead of Web Crypto, which takes 7 ms of a run with nothing to do. */
const withNodesCrypto: Plugin = {
  name: 'with the crypto of Node',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/pg\/lib\/crypto\/utils\.js$/ }, () => ({
      contents: `const { createHash, createHmac, pbkdf2, randomBytes } = require('node:crypto')
        const hashByName = async (name, data) => createHash(name).update(data).digest()
        const md5 = async data => createHash('md5').update(data).digest('hex')
        module.exports = {
          randomBytes, hashByName, md5,
          sha256: data => hashByName('sha256', data),
          hmacSha256: async (key, text) => createHmac('sha256', key).update(text).digest(),
          deriveKey: require('node:util').promisify((password, salt, iterations, done) =>
            pbkdf2(password, salt, iterations, 32, 'sha256', done)),
          postgresMd5PasswordHash: async (user, password, salt) =>
            'md5' + (await md5(Buffer.concat([Buffer.from(await md5(password + user)), salt]))),
        }`,
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

/** A file of the short way. */
type ShortFile = Readonly<{
  file: string
  /** what it has of src and of packages, for the others */
  shared: ReadonlySet<string>
  /** what it imports dynamically */
  targets: ReadonlySet<string>
}>

/**
 * Bundles sources with all that they import into one file of the short way, with what others import of it exported.
 * @param begin how they are loaded, or run
 * @param library a package: its files that others import, and how it is exported; undefined without one
 * @param before files of the short way that are loaded before it
 */
const bundleShort = async (
  file: string,
  sources: readonly string[],
  begin: string,
  library: Readonly<{ files: RegExp; exported: string }> | undefined,
  before: readonly ShortFile[],
): Promise<ShortFile> => {
  const targets = new Set<string>()
  const options = shortOptions(before, targets)
  const inputs = await inputsOf(sources, options)
  const own = inputs.filter(input => input.startsWith(join(root, 'src')) && input !== main)
  const packaged = inputs.filter(input => library?.files.test(input))
  const short = { file, targets, shared: new Set([...own, ...packaged]) }
  const exported = new Set<string>()
  const exports = (await importedByRest([...before, short], new Set(own))).map(([source, names]) => {
    // what a file exports of another one (text.ts of listed.ts) is the same by either
    const more = [...names].filter(name => !exported.has(name))
    for (const name of more) exported.add(name)
    return `export { ${more.join(', ')} } from './${relative(root, source)}'`
  })
  const outfile = join(dist, file)
  const contents = [...exports, library?.exported, begin].join('\n')
  await build({ ...options, stdin: { contents, resolveDir: root, sourcefile: file }, outdir: undefined, outfile })
  writeFileSync(outfile, requireOwn(readFileSync(outfile, 'utf8')))
  return short
}

const shortOptions = (before: readonly ShortFile[], targets: Set<string>) => {
  const plugins = [...before.map(shareWith), cutAtDynamicImports(targets), withNodesCrypto]
  return { ...common, define, format: 'cjs', plugins } as const satisfies BuildOptions
}

/** The files that these sources are bundled of. */
const inputsOf = async (sources: readonly string[], options: BuildOptions): Promise<readonly string[]> => {
  const { metafile } = await build({ ...options, entryPoints: [...sources], write: false, metafile: true })
  return Object.keys(metafile.inputs).map(input => join(root, input))
}

/** What the long way imports by name from files of the short way: file -> names. Nothing else stays there for its sake. */
const importedByRest = async (shorts: readonly ShortFile[], from: ReadonlySet<string>) => {
  const { entryPoints, ...options } = restOptions(shorts)
  const own = entryPoints.filter(({ in: file }) => file.startsWith(root))
  const { metafile } = await build({ ...options, entryPoints: own, packages: 'external' })
  const imported = new Map<string, Set<string>>()
  for (const input of Object.keys(metafile.inputs).filter(input => input.startsWith('src/'))) {
    const text = readFileSync(join(root, input), 'utf8')
    for (const [, specifiers = '', path = ''] of text.matchAll(/^(?:import|export) \{([^}]*)\} from '(\.[^']*)'/gm)) {
      const source = join(root, dirname(input), path)
      if (!from.has(source)) continue
      const names = specifiers.split(',').map(specifier => specifier.trim().replace(/ as .*/, ''))
      const values = names.filter(name => name !== '' && !name.startsWith('type '))
      imported.set(source, new Set([...(imported.get(source) ?? []), ...values]))
    }
  }
  return [...imported]
}

/** How the long way is bundled, not yet written. */
const restOptions = (shorts: readonly ShortFile[]) => {
  const targets = new Set(shorts.flatMap(short => [...short.targets]))
  const rest = [...targets].filter(target => !shorts.some(({ file }) => file === fileOf(target)))
  return {
    ...common,
    define,
    format: 'esm',
    splitting: true,
    write: false,
    entryPoints: [...rest.map(target => ({ in: target, out: nameOf(target) })), { in: 'sequelize', out: 'sequelize' }],
    plugins: [...shorts.map(shareWith), withoutUnused],
  } as const satisfies BuildOptions
}

/**
 * The long way: modules with what they share in chunks, which esbuild makes of ESM alone, each turned into CommonJS after.
 * @returns the file of each source that is imported dynamically
 */
const bundleRest = async (shorts: readonly ShortFile[]): Promise<ReadonlyMap<string, string>> => {
  const { metafile } = await build({ ...restOptions(shorts), write: true })
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
  return new Map(
    Object.entries(metafile.outputs).flatMap(([output, { entryPoint }]) =>
      entryPoint === undefined ? [] : [[entryPoint, basename(output)]],
    ),
  )
}

/** What `up` imports dynamically where there is something to do, and what it does beside that for migrations in code. */
const parts = {
  long: [
    ...['backup/backups', 'migrations/load', 'migrations/run', 'ready/bring-up'],
    ...['sqlite/check', 'sqlite/copy', 'sqlite/helper', 'sqlite/schema/read', 'sqlite/transaction'],
  ],
  code: ['sqlite/bridge/sequelize', 'sqlite/editor/editor'],
}

const fileIn = (name: string): string => join(dist, name)
const textOf = (name: string): string => readFileSync(fileIn(name), 'utf8')

/** The files that these load at once, themselves included, but for those that stay by themselves. */
const loadedWith = (names: readonly string[], seen = new Set(names)): ReadonlySet<string> => {
  for (const name of names) {
    const loaded = [...textOf(name).matchAll(/(?<!=>)require\("\.\/([\w-]+\.cjs)"\)/g)].map(([, file = '']) => file)
    const more = loaded.filter(file => !seen.has(file) && !/^(?:main|shared|long|on-server|driver)\.cjs$/.test(file))
    for (const file of more) seen.add(file)
    loadedWith(more, seen)
  }
  return seen
}

/** By this Node tells what a file of CommonJS exports to a module. */
const namesIn = (text: string): string => /0&&\(module\.exports=\{[^}]*\}\)/.exec(text)?.[0] ?? ''

/** Puts files into one: to find and read 30 of them takes a good part of a run. Each of them leads to its part of it. */
const merge = async (name: string, files: ReadonlySet<string>): Promise<void> => {
  const requires = [...files].map(file => `${JSON.stringify(file)}: () => require('./${file}')`)
  const isElsewhere: Plugin = {
    name: 'parts',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^\.\/[\w-]+\.[cm]js$/ }, ({ path }) =>
        files.has(basename(path)) ? undefined : { path, external: true },
      ),
  }
  await build({
    ...common,
    format: 'cjs',
    stdin: { contents: `module.exports = { ${requires.join(', ')} }`, resolveDir: dist },
    outdir: undefined,
    outfile: fileIn(`${name}.cjs`),
    plugins: [isElsewhere],
  })
  const lead = (text: string): string =>
    text.replaceAll(/require\("\.\/([\w-]+\.cjs)"\)/g, (call, file: string) =>
      files.has(file) ? `require("./${name}.cjs")["${file}"]()` : call,
    )
  for (const file of readdirSync(dist).filter(file => file.endsWith('.cjs') && file !== `${name}.cjs`)) {
    const text = textOf(file)
    writeFileSync(fileIn(file), lead(files.has(file) ? `module.exports=require("./${file}");${namesIn(text)}` : text))
  }
}

/**
 * Runs the code of a file, as Node would, with what V8 made of it before (scripts/warm.ts). Node's own cache has what is compiled when a
 * file is loaded, and so next to none of the functions, which V8 compiles when they are first called. Another moved file is run by `requireMoved`
 * at once: to have Node find its loader takes a millisecond.
 */
const loader = `const{readFileSync:read}=require("fs"),{Script,constants}=require("vm"),Module=module.constructor;
const run=(module,filename)=>{
let cachedData;try{cachedData=read(filename+".cache")}catch{}
const importModuleDynamically=constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
new Script(read(filename,"utf8"),{filename,cachedData,importModuleDynamically}).runInThisContext().call(module,module.exports,require,module,__filename,__dirname,requireMoved)};
const requireMoved=name=>{
const path=__dirname+"/"+name+".cjs",known=require.cache[path];if(known)return known.exports;
const made=require.cache[path]=new Module(path,module);run(made,path.replace(/cjs$/,"js"));made.loaded=true;return made.exports};
run(module,__filename.replace(/cjs$/,"js"));
`

/** Moves the code of files beside them. */
const moveCode = (names: readonly string[]): void => {
  const loads = new RegExp(`require\\("\\./(${names.join('|')})\\.cjs"\\)`, 'g')
  for (const name of names) {
    const text = textOf(`${name}.cjs`)
    const code = text.replaceAll(loads, 'requireMoved("$1")')
    writeFileSync(
      fileIn(`${name}.js`),
      `(function(exports,require,module,__filename,__dirname,requireMoved){${code}\n})`,
    )
    writeFileSync(fileIn(`${name}.cjs`), `${loader}${namesIn(text)}\n`)
  }
}

rmSync(dist, { recursive: true, force: true })
const database = {
  files: /node_modules\/better-sqlite3\/lib\/linux/,
  exported: "export { default } from 'better-sqlite3'",
}
const shortest = await bundleShort('main.cjs', [main], "import './src/main.ts'", database, [])
const ofServer = await inputsOf(Object.values(onServer).flat(), shortOptions([shortest], new Set()))
const ofBoth = ofServer.filter(input => input.startsWith(join(root, 'src')) && !isOfServer(input))
const shorts = [shortest, await bundleShort('shared.cjs', ofBoth, '', undefined, [shortest])]
const pg = { files: /node_modules\/pg\/(?:lib|esm)\/index\./, exported: "export * from 'pg'" }
for (const [file, sources] of Object.entries(onServer)) {
  const begins = sources.map(source => `export * from './${relative(root, source)}'`).join('\n')
  shorts.push(await bundleShort(file, sources, begins, file === 'driver.cjs' ? pg : undefined, shorts))
}
const entries = await bundleRest(shorts)
for (const [name, sources] of Object.entries(parts))
  await merge(name, loadedWith(sources.map(source => entries.get(`src/${source}.ts`) ?? '')))
moveCode(['main', 'shared', 'on-server', ...Object.keys(parts)])
