/** A real browser, a real server with the embedded model, and what the page's tests do again and again. */
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, extname, join } from 'node:path'

import Fastify, { type FastifyInstance } from 'fastify'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

import { Clip } from '../../../lib/index'
import { registerPage, type PageOptions } from '../../../lib/server/page/index'

export const root = join(__dirname, '..', '..', '..')
export const sample = (name: string): string => join(root, 'models', 'samples', name)

export const browserPath = findBrowser()

/** Tests in the browser; without one they are skipped, and say so. */
export const describeInBrowser = browserPath === undefined ? describe.skip : describe
if (browserPath === undefined) {
  process.stderr.write('SKIPPED: no Chromium on the PATH (or in CHROME_PATH): the web page is not tested in a browser\n')
}

function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  const candidates = [process.env.CHROME_PATH, ...names.flatMap(name => folders.map(folder => join(folder, name)))]
  return candidates.find(file => {
    if (!file) return false
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  })
}

export interface Served { url: string; close(): Promise<void> }

export async function serve(options: Omit<PageOptions, 'model'> = {}): Promise<Served> {
  const clip = await Clip.load(undefined, { threads: 1 })
  const app: FastifyInstance = Fastify({ bodyLimit: 32 * 2 ** 20 })
  app.setErrorHandler((error: Error & { code?: string; statusCode?: number }, _, reply) => {
    const status = error.statusCode ?? (error.code?.startsWith('ERR_CLIP_') ? 422 : 500)
    void reply.code(status).send({ error: { message: error.message, type: 'x', param: null, code: error.code } })
  })
  const bytes = (uri: string): Buffer => Buffer.from(uri.slice(uri.indexOf(',') + 1), 'base64')
  app.get('/v1/models', () => ({ object: 'list', data: [{ id: 'emoji-clip', object: 'model' }] }))
  app.post<{ Body: any }>('/v1/classify', async ({ body }) => ({
    data: [{ index: 0, results: await clip.classify(bytes(body.image), body.labels, { templates: body.templates, multiLabel: body.multi_label }) }],
  }))
  app.post<{ Body: any }>('/v1/similarity', async ({ body }) => {
    const { logits, probabilities } = await clip.similarity(body.images.map(bytes), body.texts)
    return { logits: logits.map(row => [...row]), probabilities: probabilities.map(row => [...row]) }
  })
  app.post<{ Body: any }>('/v1/rank', async ({ body }) => {
    const [text, images] = await Promise.all([clip.encodeText(body.query as string), clip.encodeImage(body.documents.map(bytes) as Buffer[])])
    const results = images.map((image, index) => ({ index, relevance_score: image.reduce((sum, value, i) => sum + value * text[i]!, 0) }))
    return { results: results.sort((a, b) => b.relevance_score - a.relevance_score) }
  })
  await registerPage(app, { ...options, model: { use: (_, work) => work(clip) } })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    url,
    close: async () => {
      await app.close()
      await clip.dispose()
    },
  }
}

/** An open page that keeps what must not happen: errors on the console, and requests to anybody but the server. */
export interface Opened { page: Page; problems: string[]; close(): Promise<void> }

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  const page = await context.newPage()
  const problems: string[] = []
  const host = new URL(url).host
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`) })
  page.on('pageerror', error => problems.push(`exception: ${error.message}`))
  page.on('request', request => {
    const { protocol, host: other } = new URL(request.url())
    if (protocol !== 'blob:' && protocol !== 'data:' && other !== host) problems.push(`request to ${request.url()}`)
  })
  await page.goto(url)
  return { page, problems, close: () => context.close() }
}

const types: Readonly<Record<string, string>> = { '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp', '.txt': 'text/plain' }

/** Samples (or given bytes) as a DataTransfer in the page, as a drop or a paste brings them. */
export async function transferOf(page: Page, files: readonly (string | { name: string; bytes: Buffer; type?: string })[]) {
  const list = files.map(file => (typeof file === 'string' ? { name: file, bytes: readFileSync(sample(file)) } : file))
  const given = list.map(({ name, bytes, ...rest }) => ({ name, base64: bytes.toString('base64'), type: (rest as { type?: string }).type ?? types[extname(name)] ?? '' }))
  return page.evaluateHandle(entries => {
    const transfer = new DataTransfer()
    for (const { name, base64, type } of entries) {
      transfer.items.add(new File([Uint8Array.from(atob(base64), character => character.charCodeAt(0))], name, { type }))
    }
    return transfer
  }, given)
}

export function chooseFiles(page: Page, names: readonly string[]): Promise<void> {
  return page.locator('#files').setInputFiles(names.map(sample))
}

export function scratchFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ggclip-page-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
