/** A real browser, a real server with the embedded model, and what the page's tests do again and again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

import { Server, type ServerOptions } from '../../../lib/server/index'
import { where } from '../../helpers/skips'

export const root = join(__dirname, '..', '..', '..')
export const sample = (name: string): string => join(root, 'models', 'samples', name)
export const pageFolder = join(root, 'lib', 'server', 'page', 'static')
/** The page's files, with '/' between folders. */
export const pageFiles = readdirSync(pageFolder, { recursive: true }).map(name => String(name).replaceAll('\\', '/'))
  .filter(name => extname(name) !== '')

const browser: { launch(): Promise<Browser> } = require('../../../scripts/browser.cjs')

/** Tests in the browser. */
export const describeInBrowser = where('chromium', describe)
export const { launch } = browser

export interface Served {
  url: string
  close(): Promise<void>
}

/** The server itself, on a free port, with the embedded model; the index of its folder is elsewhere, and removed with it. */
export async function serve(options: ServerOptions = {}): Promise<Served> {
  const index = scratchFolder()
  const server = await Server.start({ port: 0, ...(options.folder && { index: index.path }), ...options })
  return { url: server.url, close: () => server.close().finally(() => index.remove()) }
}

/** An open page that keeps what must not happen: errors on the console, and requests to anybody but the server. */
export interface Opened {
  page: Page
  problems: string[]
  close(): Promise<void>
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  prepare: (page: Page) => Promise<unknown> = async () => undefined,
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('filechooser', () => undefined) // told of from the beginning, not only once somebody waits
  const problems: string[] = []
  const host = new URL(url).host
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`)
  })
  page.on('pageerror', error => problems.push(`exception: ${error.message}`))
  page.on('request', request => {
    const { protocol, host: other } = new URL(request.url())
    if (protocol !== 'blob:' && protocol !== 'data:' && other !== host) problems.push(`request to ${request.url()}`)
  })
  await prepare(page)
  await page.goto(url)
  return { page, problems, close: () => context.close() }
}

const types: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.txt': 'text/plain',
}

/** Samples (or given bytes) as a DataTransfer in the page, as a drop or a paste brings them. */
export async function transferOf(
  page: Page,
  files: readonly (string | { name: string; bytes: Buffer; type?: string })[],
) {
  const list = files.map(file => (typeof file === 'string' ? { name: file, bytes: readFileSync(sample(file)) } : file))
  const given = list.map(({ name, bytes, ...rest }) => ({
    name,
    base64: bytes.toString('base64'),
    type: (rest as { type?: string }).type ?? types[extname(name)] ?? '',
  }))
  return page.evaluateHandle(entries => {
    // runs in the browser, whose types these tests do not load
    const { DataTransfer, File } = globalThis as any
    const transfer = new DataTransfer()
    for (const { name, base64, type } of entries) {
      transfer.items.add(
        new File([Uint8Array.from(atob(base64), character => character.charCodeAt(0))], name, { type }),
      )
    }
    return transfer
  }, given)
}

export interface GivenFile {
  name: string
  mimeType: string
  buffer: Buffer
}

/** A file of given bytes; its type follows its name, as in a browser. */
export const pictureFile = (name: string, buffer: Buffer): GivenFile => ({
  name,
  mimeType: types[extname(name)] ?? '',
  buffer,
})

/** As if chosen in the dialog of the button; names are samples. */
export function chooseFiles(page: Page, files: readonly (string | GivenFile)[]): Promise<void> {
  return page.locator('#files').setInputFiles(
    files.map(file => (typeof file === 'string' ? pictureFile(file, readFileSync(sample(file))) : file)),
  )
}

export async function openView(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name }).click()
  await page.getByRole('heading', { level: 1, name }).waitFor()
}

export function scratchFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ggclip-page-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
