/** What the page does when something goes wrong: it says what, offers what helps, and never loses what was entered. */
import { request as httpRequest } from 'node:http'

import type { Browser, Page } from 'playwright-core'

import type { ServerOptions } from '../../../lib/server/index'
import { chooseFiles, describeInBrowser, launch, type Opened, openPage, openView, pictureFile, sample, serve,
  type Served, transferOf } from './support'

const labels = (page: Page) => page.getByLabel('What may be in the picture')
const card = (page: Page, name: string) => page.getByRole('article', { name })
const alert = (page: Page) => page.getByRole('alert')

describeInBrowser('the web page, when something goes wrong', () => {
  let browser: Browser
  let open: Opened | undefined
  let served: Served | undefined // a test's own
  let common: Served
  beforeAll(async () => {
    common = await serve({ folder: sample('.') })
    browser = await launch()
  })
  afterEach(async () => {
    await open?.close()
    await served?.close()
    open = served = undefined
  })
  afterAll(async () => {
    await browser?.close()
    await common?.close()
  })

  /** A page of a server with these options; without any, of the one that is there. */
  async function begin(options?: ServerOptions): Promise<Page> {
    if (options) served = await serve(options)
    open = await openPage(browser, (served ?? common).url)
    return open.page
  }

  it('leaves out files that are no pictures and names them', async () => {
    const page = await begin()
    await labels(page).fill('pizza, rocket')
    await chooseFiles(page, ['pizza.webp', pictureFile('notes.txt', Buffer.from('words'))])
    await alert(page).getByText('notes.txt left out: it is no picture.').waitFor()
    await card(page, 'pizza.webp').getByRole('heading', { name: 'pizza' }).waitFor()
    expect(await page.getByRole('article').count()).toBe(1)
  })

  it('tells of damaged pictures on their cards; a ranking goes on without them when asked to', async () => {
    const page = await begin()
    await labels(page).fill('pizza, rocket')
    const half = pictureFile('half.png', Buffer.from('89504e470d0a1a0a0000', 'hex'))
    await chooseFiles(page, ['pizza.webp', pictureFile('bad.png', Buffer.from('no picture')), half,
      pictureFile('empty.png', Buffer.alloc(0))])
    await card(page, 'bad.png').getByText('cannot be read as a picture').waitFor()
    await card(page, 'half.png').getByText('cannot be read as a picture').waitFor()
    await card(page, 'empty.png').getByText('empty.png is empty.').waitFor()
    await card(page, 'pizza.webp').getByRole('heading', { name: 'pizza' }).waitFor()
    await page.getByText('4 pictures, 2 labels · 3 could not be read').waitFor()

    await openView(page, 'Rank')
    await page.getByLabel('What to look for').fill('a pizza')
    for (const name of ['empty.png', 'bad.png', 'half.png'])
      await page.getByRole('button', { name: `Leave out ${name}` }).click()
    await page.locator('.ranking li', { hasText: 'pizza.webp' }).waitFor()
    expect(await alert(page).textContent()).toBe('')
    expect(await page.getByLabel('What to look for').inputValue()).toBe('a pizza')
  })

  it('says which picture is too large, and sends fewer at a time where the server takes less (413)', async () => {
    const page = await begin({ maxImageBytes: 20_000, maxBodyBytes: 30_000 })
    await labels(page).fill('pizza, cat face')
    await chooseFiles(page, ['pizza.webp', 'cat-face.png', 'guitar.jpg', 'rocket.png', 'red-heart.png',
      'red-apple.jpg'])
    await card(page, 'cat-face.png').getByRole('heading', { name: 'Too large' }).waitFor()
    await card(page, 'pizza.webp').getByRole('heading', { name: 'pizza' }).waitFor()
    await openView(page, 'Rank')
    await page.getByLabel('What to look for').fill('a pizza')
    await page.getByRole('button', { name: 'Leave out cat-face.png' }).click()
    await page.locator('.ranking li').nth(4).waitFor()
    expect(await page.locator('.ranking .file').first().textContent()).toBe('pizza.webp')
    expect(await page.locator('.ranking li').count()).toBe(5)
  })

  it('tells of too many labels and keeps them (422)', async () => {
    const page = await begin({ maxInputs: 3 })
    await chooseFiles(page, ['pizza.webp'])
    await labels(page).fill('pizza, rocket, guitar, hat')
    await alert(page).getByText('The server did not accept this.').waitFor()
    await labels(page).fill('pizza, rocket')
    await card(page, 'pizza.webp').getByRole('heading', { name: 'pizza' }).waitFor()
    expect(await alert(page).textContent()).toBe('')
  })

  it('waits for a busy server as long as it asks, and goes on by itself (503)', async () => {
    const page = await begin({ maxRequests: 1 })
    await chooseFiles(page, ['pizza.webp'])
    const slow = holdRequest(served!.url)
    await slow.held
    await labels(page).fill('pizza, rocket')
    await page.locator('#status', { hasText: 'The server is busy. Trying again in 1 s.' }).waitFor()
    slow.release()
    await card(page, 'pizza.webp').getByRole('heading', { name: 'pizza' }).waitFor()
  })

  it('says how long to wait where that is long, keeps all, and tries again when told to (429)', async () => {
    const page = await begin({ requestsPerMinute: 1 })
    await labels(page).fill('pizza, rocket')
    await chooseFiles(page, ['pizza.webp'])
    await card(page, 'pizza.webp').getByRole('heading', { name: 'pizza' }).waitFor()
    await labels(page).fill('pizza, rocket, moon')
    await alert(page).getByText(/more requests than the server allows.*try again in [1-6]?\d s/).waitFor()
    await page.getByText('Results of an earlier question').waitFor()
    expect(await labels(page).inputValue()).toBe('pizza, rocket, moon')
    expect(await card(page, 'pizza.webp').getByRole('listitem').count()).toBe(2)
    await page.route('**/v1/classify', answerBusy('Wed, 21 Oct 2065 07:28:00 GMT'))
    await page.getByRole('button', { name: 'Try again' }).click()
    await alert(page).getByText('too busy to answer now').waitFor()
    await page.unroute('**/v1/classify')
    await page.route(
      '**/v1/classify',
      route => route.fulfill({ json: { data: [{ results: [{ label: 'moon', score: 1, similarity: 1 }] }] } }),
    )
    await page.getByRole('button', { name: 'Try again' }).click()
    await card(page, 'pizza.webp').getByRole('heading', { name: 'moon' }).waitFor()
    expect(await alert(page).textContent()).toBe('')
  })

  it('gets over a server that is away and comes back', async () => {
    const page = await begin({})
    const { url } = served!
    await chooseFiles(page, ['pizza.webp', 'rocket.png'])
    await openView(page, 'Compare')
    await served!.close()
    await page.getByLabel('Texts to compare the pictures with').fill('a pizza\na rocket')
    await alert(page).getByText('The server cannot be reached').waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await alert(page).getByText('The server cannot be reached').waitFor()
    served = await serve({ port: Number(new URL(url).port) })
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('table').waitFor()
    expect(await page.getByLabel('Texts to compare the pictures with').inputValue()).toBe('a pizza\na rocket')
  })

  it('asks for a key, refuses a wrong one, keeps the right one for the tab, and shows the gallery with it', async () => {
    const key = 'correct-horse-battery-staple'
    const page = await begin({ apiKeys: [key], folder: sample('.') })
    await alert(page).getByText('answers only those who have a key').waitFor()
    await labels(page).fill('pizza, rocket')
    await chooseFiles(page, ['pizza.webp'])
    await page.getByRole('button', { name: 'Enter the key' }).click()
    await page.getByLabel('The key that the operator').fill('a-wrong-key-of-some-length')
    await page.getByRole('button', { name: 'Use the key' }).click()
    await alert(page).getByText('The server does not accept this key.').waitFor()
    await page.getByRole('button', { name: 'Enter the key' }).click()
    expect(await page.getByLabel('The key that the operator').inputValue()).toBe('')
    await page.getByLabel('The key that the operator').fill(key)
    await page.keyboard.press('Enter')
    await card(page, 'pizza.webp').getByRole('heading', { name: 'pizza' }).waitFor()
    expect(await labels(page).inputValue()).toBe('pizza, rocket')

    await page.reload()
    await openView(page, 'Gallery')
    await page.waitForFunction(() =>
      [...(globalThis as any).document.querySelectorAll('.tile img')].filter(image => image.naturalWidth > 0).length > 3
    )
    await page.getByRole('button', { name: 'red-apple.jpg', exact: true }).click()
    await page.waitForFunction(() => (globalThis as any).document.querySelector('#viewer-image').naturalWidth > 0)
    expect(await page.evaluate(() => JSON.stringify({ ...(globalThis as any).localStorage }))).not.toContain(key)
  })

  it('tells in the gallery of what is no picture and of a busy server, and keeps the words', async () => {
    const page = await begin()
    const words = page.getByRole('searchbox')
    const drop = async (name: string) =>
      page.dispatchEvent('body', 'drop', {
        dataTransfer: await transferOf(page, [{ name, bytes: Buffer.from('no picture') }]),
      })
    await openView(page, 'Gallery')
    await page.route('**/gallery/search', answerBusy('25'))
    await words.fill('a red apple')
    await alert(page).getByText('try again in 25 s').waitFor()
    await drop('notes.txt')
    await alert(page).getByText('notes.txt left out').waitFor()
    await page.unroute('**/gallery/search')
    await drop('bad.png')
    await alert(page).getByText('cannot be read as a picture').waitFor()
    expect(await words.inputValue()).toBe('a red apple')
    await page.getByRole('button', { name: 'Search', exact: true }).click()
    await page.locator('.tile').first().filter({ hasText: 'red-apple.jpg' }).filter({ hasText: 'similarity' }).waitFor()
    expect(await alert(page).textContent()).toBe('')
  })

  it('keeps what was typed over a reload', async () => {
    const page = await begin()
    await labels(page).fill('one, two')
    await page.getByText('Template and scoring').click()
    await page.getByLabel('Template', { exact: true }).fill('a drawing of a {}')
    await page.getByLabel('Score each label by itself').check()
    await openView(page, 'Compare')
    await page.getByLabel('Texts to compare the pictures with').fill('first\nsecond')
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Compare' }).waitFor()
    expect(await page.getByLabel('Texts to compare the pictures with').inputValue()).toBe('first\nsecond')
    await openView(page, 'Classify')
    expect(await labels(page).inputValue()).toBe('one, two')
    expect(await page.locator('#template').inputValue()).toBe('a drawing of a {}')
    expect(await page.locator('#multi-label').isChecked()).toBe(true)
  })

  it.each([
    ['a failing server', { status: 500, headers: { 'x-request-id': 'request-7' }, json: {} },
      'The server failed (status 500). Its log has more under request-7.'],
    ['an answer that is no JSON', { status: 200, body: '<html>' }, 'The server’s answer could not be read.'],
    ['a proxy that waited in vain', { status: 504, body: 'timeout' }, 'The server took too long to answer.'],
  ])('tells of %s and tries again when told to', async (_, answer, words) => {
    const page = await begin()
    await page.route('**/v1/rank', route => route.fulfill(answer))
    await openView(page, 'Rank')
    await chooseFiles(page, ['pizza.webp'])
    await page.getByLabel('What to look for').fill('a pizza')
    await alert(page).getByText(words).waitFor()
    await page.unroute('**/v1/rank')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.locator('.ranking li', { hasText: 'pizza.webp' }).waitFor()
  })

  it('shows the answer to what was asked last, whatever comes first', async () => {
    const page = await begin()
    await openView(page, 'Rank')
    await chooseFiles(page, ['pizza.webp', 'rocket.png'])
    await page.route('**/v1/rank', async route => {
      if (route.request().postData()!.includes('slow')) await new Promise(resolve => void setTimeout(resolve, 900))
      await route.continue().catch(() => undefined) // given up by the page
    })
    const slow = page.waitForRequest('**/v1/rank')
    await page.getByLabel('What to look for').fill('a slow rocket')
    await slow
    await page.getByLabel('What to look for').fill('a pizza')
    await page.locator('.ranking li.best', { hasText: 'pizza.webp' }).waitFor()
    await page.waitForTimeout(1000)
    expect(await page.locator('.ranking li.best .file').textContent()).toBe('pizza.webp')
    expect(await alert(page).textContent()).toBe('')
  })

  it('works where the browser keeps nothing', async () => {
    open = await openPage(browser, common.url, {}, page =>
      page.addInitScript(() => {
        for (const name of ['localStorage', 'sessionStorage']) {
          Object.defineProperty(globalThis, name, {
            get() {
              throw new Error('storage is forbidden')
            },
          })
        }
      }))
    const { page, problems } = open
    await page.getByRole('radio', { name: 'Dark' }).check()
    await labels(page).fill('pizza, rocket')
    await chooseFiles(page, ['pizza.webp'])
    await card(page, 'pizza.webp').getByRole('heading', { name: 'pizza' }).waitFor()
    expect(problems).toEqual([])
  })
})

/** The one place of a server that takes one request at a time, taken by a request whose body never comes. */
function holdRequest(url: string): { held: Promise<void>; release(): void } {
  const request = httpRequest(`${url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': 100 },
  })
  request.on('error', () => undefined) // it is torn down
  request.flushHeaders()
  return { held: new Promise(resolve => void setTimeout(resolve, 150)), release: () => request.destroy() }
}

function answerBusy(retryAfter: string) {
  return (route: { fulfill(answer: object): Promise<void> }) =>
    route.fulfill({
      status: 503,
      headers: { 'retry-after': retryAfter },
      json: { error: { code: 'ERR_CLIP_QUEUE_FULL', message: 'full' } },
    })
}
