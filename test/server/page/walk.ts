/** Every view of the page in every state, one after the other, for checks that hold of all of them. */
import type { Page } from 'playwright-core'

import { chooseFiles, openView, pictureFile } from './support'

export type Visit = (state: string) => Promise<void>

const answer = (status: number, code: string, headers: Record<string, string> = {}) => ({
  status,
  headers,
  contentType: 'application/json',
  body: JSON.stringify({ error: { code, message: 'told by a test' } }),
})
/** As the server sends it with its answers. */
const timing = 'decode;dur=3.25, queue;dur=0.4, model;dur=12.5, total;dur=17'
const computing = /\/v1\/(classify|rank|similarity)|\/gallery\/search/

/** The page is open at a server that has the samples for a folder. `failed()` is called before requests are made to fail. */
export async function walk(page: Page, visit: Visit, failed: () => void = () => undefined): Promise<void> {
  await page.route(computing, async route => {
    const response = await route.fetch()
    await route.fulfill({ response, headers: { ...response.headers(), 'server-timing': timing } })
  })
  await walkWorkbench(page, visit)
  await walkGallery(page, visit)
  failed()
  await walkFailures(page, visit)
}

async function walkWorkbench(page: Page, visit: Visit): Promise<void> {
  await page.getByText('Add pictures and type a few labels').waitFor()
  await visit('classify, empty')
  await page.getByText('Template and scoring').click()
  await openView(page, 'Rank')
  await visit('rank, empty')
  await openView(page, 'Compare')
  await visit('compare, empty')
  await page.getByRole('button', { name: 'Try the samples' }).click()
  await page.getByRole('cell', { name: /best/ }).first().waitFor()
  await visit('compare, probabilities')
  await page.getByRole('radio', { name: 'Logit' }).check()
  await visit('compare, logits')
  await openView(page, 'Rank')
  await page.locator('.ranking li').nth(5).waitFor()
  await visit('rank, results')
  await openView(page, 'Classify')
  await page.getByRole('button', { name: 'Show all 6' }).first().click()
  await visit('classify, results')
}

async function walkGallery(page: Page, visit: Visit): Promise<void> {
  await openView(page, 'Gallery')
  await page.getByRole('button', { name: 'red-apple.jpg', exact: true }).waitFor()
  await page.getByText('Filters', { exact: true }).click()
  await visit('gallery, the folder')
  await page.getByRole('searchbox').fill('a red apple')
  await page.getByRole('button', { name: /^red-apple\.jpg similarity/ }).click()
  await page.getByRole('dialog').waitFor()
  await visit('gallery, one picture')
  await page.getByRole('button', { name: 'More like this', exact: true }).click()
  await page.getByRole('button', { name: 'Show all pictures' }).waitFor()
  await page.getByRole('button', { name: /^red-apple\.jpg similarity 1\.000/ }).waitFor()
  await visit('gallery, like a picture')
}

async function walkFailures(page: Page, visit: Visit): Promise<void> {
  const alert = page.getByRole('alert')
  await openView(page, 'Classify')
  await chooseFiles(page, [pictureFile('bad.png', Buffer.from('no picture')),
    pictureFile('notes.txt', Buffer.from('words'))])
  await page.getByRole('article', { name: 'bad.png' }).getByText('cannot be read').waitFor()
  await visit('classify, a bad picture and a file that is none')

  await page.route(computing, route => route.fulfill(answer(503, 'ERR_CLIP_QUEUE_FULL', { 'retry-after': '5' })))
  await page.getByLabel('What may be in the picture').fill('pizza, moon')
  await page.getByText('Trying again in').waitFor()
  await visit('classify, waiting for a busy server')

  await page.route(computing, route => route.fulfill(answer(429, 'ERR_CLIP_RATE_EXCEEDED', { 'retry-after': '40' })))
  await page.getByLabel('What may be in the picture').fill('pizza, moon, sun')
  await alert.getByText('try again in 40 s').waitFor()
  await visit('classify, refused by a busy server')

  await page.route(computing, route => route.abort('connectionrefused'))
  await openView(page, 'Rank')
  await alert.getByText('cannot be reached').waitFor()
  await visit('rank, no server')

  await page.route(computing, route => route.fulfill(answer(401, 'ERR_CLIP_KEY_INVALID')))
  await openView(page, 'Compare')
  await page.getByRole('button', { name: 'Enter the key' }).click()
  await page.getByRole('dialog').waitFor()
  await visit('compare, asking for a key')
  await page.getByRole('button', { name: 'Cancel' }).click()

  await page.route(computing, route => route.fulfill(answer(500, 'ERR_CLIP_INTERNAL')))
  await openView(page, 'Gallery')
  await page.getByRole('searchbox').fill('anything')
  await alert.getByText('The server failed').waitFor()
  await visit('gallery, a failing server')
}
