import { globSync } from 'node:fs'

const src = globSync('src/**/*.ts')

/** Every test covers src, and src is what has to be covered: what the image's bundle or a package adds is run elsewhere. */
// biome-ignore lint/style/noDefaultExport: what tap asks for
export default () => src
