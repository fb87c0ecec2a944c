/** The page in a real browser, against the real server. */
import type { Browser } from 'playwright-core'

import { describeInBrowser, launch, openPage, sample, serve, type Served, transferOf } from './support'

describeInBrowser('the web page', () => {
  let browser: Browser
  let served: Served
  beforeAll(async () => {
    served = await serve({ folder: sample('.') })
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    await served?.close()
  })

  it('ranks the labels of dropped and pasted pictures and talks to nobody else', async () => {
    const { page, problems, close } = await openPage(browser, served.url)
    await page.getByLabel('What may be in the picture').fill('pizza, rocket, guitar')
    await page.dispatchEvent('body', 'drop', { dataTransfer: await transferOf(page, ['pizza.webp']) })
    await (await transferOf(page, ['rocket.png'])).evaluate((clipboardData: any) => {
      // runs in the browser, whose types these tests do not load
      const { ClipboardEvent, document } = globalThis as any
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    })
    const best = (name: string) => page.getByRole('article', { name }).getByRole('heading')
    await best('pizza.webp').filter({ hasText: 'pizza' }).waitFor()
    await best('rocket.png').filter({ hasText: 'rocket' }).waitFor()
    expect(problems).toEqual([])
    await close()
  })

  it('tells of a bad picture on its own card', async () => {
    const { page, close } = await openPage(browser, served.url)
    await page.getByLabel('What may be in the picture').fill('pizza, rocket')
    const bad = { name: 'bad.png', bytes: Buffer.from('no picture'), type: 'image/png' }
    await page.dispatchEvent('body', 'drop', { dataTransfer: await transferOf(page, ['pizza.webp', bad]) })
    await page.getByRole('article', { name: 'bad.png' }).getByText('cannot be read as a picture').waitFor()
    await page.getByRole('article', { name: 'pizza.webp' }).getByRole('heading', { name: 'pizza' }).waitFor()
    await close()
  })

  it('searches the folder by text', async () => {
    const { page, problems, close } = await openPage(browser, `${served.url}/#gallery`)
    await page.getByRole('searchbox').fill('a photo of a red apple')
    await page.getByRole('button', { name: /^red-apple\.jpg similarity/ }).waitFor()
    expect(problems).toEqual([])
    await close()
  })
})
