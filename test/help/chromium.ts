import { spawnSync } from 'node:child_process'

const command = ['chromium', 'chromium-browser', 'google-chrome'].find(
  name => spawnSync(name, ['--version']).status === 0,
)

/** For tap's `skip`: why a page cannot be looked at here. */
export const noChromium = command === undefined && 'there is no Chromium'

/** The document that a headless Chromium has of a page once it is drawn; scripts and styles have run. */
export const drawnDocument = (address: string): string => {
  const words = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--dump-dom', address]
  const { status, stdout, stderr } = spawnSync(command ?? 'chromium', words, { encoding: 'utf8', timeout: 60_000 })
  if (status !== 0) throw new Error(`Chromium exited ${status}: ${stderr}`)
  return stdout
}
