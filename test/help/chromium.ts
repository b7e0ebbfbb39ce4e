/** A headless Chromium, driven by its own protocol: https://chromedevtools.github.io/devtools-protocol/ */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const command = ['chromium', 'chromium-browser', 'google-chrome'].find(
  name => spawnSync(name, ['--version']).status === 0,
)

/** For tap's `skip`: why a page cannot be looked at here. */
export const noChromium = command === undefined && 'there is no Chromium'

export type Screen = Readonly<{ width: number; scheme: 'light' | 'dark' }>

/** One page of a browser, which is closed by `close`. */
export type Page = Readonly<{
  open: (address: string, screen: Screen) => Promise<void>
  /** The value of an expression in the page, once it is settled. */
  evaluate: (expression: string) => Promise<unknown>
  /** Keeps a picture of the whole page, however long it is. */
  keepPicture: (file: string) => Promise<void>
  close: () => Promise<void>
}>

type Message = Readonly<{ id?: number; method?: string; result?: Record<string, unknown>; error?: { message: string } }>

export const openBrowser = async (): Promise<Page> => {
  const folder = mkdtempSync(join(tmpdir(), 'chromium-'))
  const words = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars']
  const more = ['--no-first-run', '--disable-background-networking', '--remote-debugging-port=0', 'about:blank']
  const child = spawn(command ?? 'chromium', [...words, ...more, `--user-data-dir=${folder}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const port = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk
      const found = /DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', status => reject(new Error(`Chromium exited ${status}: ${said}`)))
  })
  const pages: unknown = await (await fetch(`http://127.0.0.1:${port}/json`)).json()
  const [{ webSocketDebuggerUrl }] = pages as [{ webSocketDebuggerUrl: string }]
  const socket = new WebSocket(webSocketDebuggerUrl)
  await new Promise(resolve => socket.addEventListener('open', resolve, { once: true }))

  const listeners = new Set<(message: Message) => void>()
  socket.addEventListener('message', ({ data }) => {
    for (const listener of listeners) listener(JSON.parse(String(data)))
  })
  const when = (isIt: (message: Message) => boolean): Promise<Message> =>
    new Promise(resolve => {
      const listener = (message: Message): void => {
        if (!isIt(message)) return
        listeners.delete(listener)
        resolve(message)
      }
      listeners.add(listener)
    })
  let last = 0
  const send = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    last += 1
    const id = last
    const answered = when(message => message.id === id)
    socket.send(JSON.stringify({ id, method, params }))
    const { result = {}, error } = await answered
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }
  await send('Page.enable')
  return {
    open: async (address, { width, scheme }) => {
      const mobile = width < 600
      await send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile })
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] })
      const loaded = when(({ method }) => method === 'Page.loadEventFired')
      await send('Page.navigate', { url: address })
      await loaded
    },
    evaluate: async expression => {
      const settings = { expression, returnByValue: true, awaitPromise: true }
      const { result, exceptionDetails } = await send('Runtime.evaluate', settings)
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
      return (result as Readonly<{ value?: unknown }>).value
    },
    keepPicture: async file => {
      const { data } = await send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true })
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, Buffer.from(String(data), 'base64'))
    },
    close: async () => {
      const ended = new Promise(resolve => child.once('exit', resolve))
      // it may end before it answers
      void send('Browser.close')
      await ended
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
