/** What the page is for: pictures in by every way, and results that are the server's own numbers. */
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Browser, Page } from 'playwright-core'

import { chooseFiles, describeInBrowser, launch, type Opened, openPage, openView, sample, scratchFolder, serve,
  type Served, transferOf } from './support'

const pictures = ['pizza.webp', 'rocket.png', 'guitar.jpg']
const dataUri = (name: string): string =>
  `data:image/${name.split('.')[1]};base64,${readFileSync(sample(name)).toString('base64')}`
const minus = (text: string): string => text.replace('-', '−')
const percent = (
  share: number,
): string => (share * 100 < 0.01 ? '< 0.01 %' : `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`)
const texts = (page: Page, selector: string): Promise<string[]> => page.locator(selector).allTextContents()

describeInBrowser('the web page, its views', () => {
  const folder = scratchFolder()
  let browser: Browser
  let served: Served
  let open: Opened
  beforeAll(async () => {
    for (const name of ['pizza.webp', 'rocket.png', 'red-apple.jpg', 'red-heart.png', 'automobile.png'])
      copyFileSync(sample(name), join(folder.path, name))
    served = await serve({ folder: folder.path })
    browser = await launch()
  })
  beforeEach(async () => {
    open = await openPage(browser, served.url)
  })
  afterEach(async () => {
    expect(open.problems).toEqual([])
    await open.close()
  })
  afterAll(async () => {
    await browser?.close()
    await served?.close()
    folder.remove()
  })

  async function ask(route: string, body: object): Promise<any> {
    const answer = await fetch(`${served.url}/v1/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(answer.status).toBe(200)
    return answer.json()
  }

  it('takes pictures by button, drop and paste; a dragged file is shown where it may fall', async () => {
    const { page } = open
    await page.getByLabel('What may be in the picture').fill('pizza, rocket, guitar')
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Choose pictures' }).click()
    expect((await chooser).isMultiple()).toBe(true)
    await (await chooser).setFiles([sample('guitar.jpg')])

    const cover = page.getByText('Drop the pictures')
    const dataTransfer = await transferOf(page, ['pizza.webp'])
    await page.dispatchEvent('body', 'dragenter', { dataTransfer })
    await cover.waitFor()
    await page.dispatchEvent('body', 'dragleave', { dataTransfer })
    await cover.waitFor({ state: 'hidden' })
    await page.dispatchEvent('body', 'dragenter', { dataTransfer })
    await page.dispatchEvent('body', 'drop', { dataTransfer })
    await cover.waitFor({ state: 'hidden' })
    await paste(page, ['rocket.png'])
    for (
      const [name, label] of [['guitar.jpg', 'guitar'], ['pizza.webp', 'pizza'], ['rocket.png', 'rocket']] as const
    ) {
      await page.getByRole('article', { name }).getByRole('heading', { name: label }).waitFor()
    }
    await page.getByRole('button', { name: 'Remove all' }).click()
    await page.getByText('Add a picture to see which label fits it.').waitFor()
  })

  it('leaves text that is pasted or dropped to the field', async () => {
    const { page } = open
    const handled = await page.evaluate(() => {
      const { DataTransfer, DragEvent, ClipboardEvent, document } = globalThis as any
      const transfer = new DataTransfer()
      transfer.setData('text/plain', 'words')
      const kinds = [new ClipboardEvent('paste', { clipboardData: transfer, cancelable: true, bubbles: true }),
        new DragEvent('drop', { dataTransfer: transfer, cancelable: true, bubbles: true })]
      return kinds.map(event => !document.querySelector('#labels').dispatchEvent(event))
    })
    expect(handled).toEqual([false, false])
  })

  it('classifies with the numbers of the server; template and scoring count', async () => {
    const { page } = open
    const asked = ['pizza', 'rocket', 'guitar', 'hat', 'sunflower', 'cat face', 'umbrella']
    await chooseFiles(page, ['pizza.webp'])
    await page.getByLabel('What may be in the picture').fill(`${asked.join(', ')}, pizza,,\n`)
    const shown = async (): Promise<[string, string][]> => {
      const labels = await texts(page, '.card li:visible .bar-label')
      const values = await texts(page, '.card li:visible .bar-value')
      return labels.map((label, i) => [label, values[i]!])
    }
    const expected = async (options: object, first: number): Promise<[string, string][]> => {
      const { data } = await ask('classify', { image: dataUri('pizza.webp'), labels: asked, ...options })
      return data[0].results.slice(0, first).map((
        { label, score }: { label: string; score: number },
      ) => [label, percent(score)])
    }
    await page.getByRole('heading', { name: 'pizza' }).waitFor()
    expect(await shown()).toEqual(await expected({ templates: ['a photo of a {}'] }, 5))
    await page.getByRole('button', { name: 'Show all 7' }).click()
    await page.getByText('Template and scoring').click()
    await page.getByLabel('Template', { exact: true }).fill('a drawing of a {} | {} on white')
    await page.getByLabel('Score each label by itself').check()
    const wanted = await expected({ templates: ['a drawing of a {}', '{} on white'], multi_label: true }, 7)
    await page.locator('.card .best .bar-value', { hasText: wanted[0]![1] }).waitFor()
    expect(await shown()).toEqual(wanted)
  })

  it('ranks pictures with the numbers of the server', async () => {
    const { page } = open
    await openView(page, 'Rank')
    await chooseFiles(page, pictures)
    await page.getByLabel('What to look for').fill('a photo of a guitar')
    await page.locator('.ranking li').nth(2).waitFor()
    const { results } = await ask('rank', { query: 'a photo of a guitar', documents: pictures.map(dataUri) })
    expect(await texts(page, '.ranking .file')).toEqual(results.map(({ index }: { index: number }) => pictures[index]))
    expect(await texts(page, '.ranking .bar-value')).toEqual(
      results.map((result: { relevance_score: number }) => minus(result.relevance_score.toFixed(3))),
    )
    expect((await texts(page, '.ranking .file'))[0]).toBe('guitar.jpg')
  })

  it('compares all with all, as probabilities and as logits, with one request', async () => {
    const { page } = open
    let requests = 0
    page.on('request', request => {
      if (request.url().endsWith('/v1/similarity')) requests++
    })
    await openView(page, 'Compare')
    await chooseFiles(page, pictures)
    await page.getByLabel('Texts to compare the pictures with').fill('a pizza\na rocket\n\na rocket')
    await page.getByRole('row', { name: /guitar\.jpg/ }).waitFor()
    const { logits, probabilities } = await ask('similarity', {
      images: pictures.map(dataUri),
      texts: ['a pizza', 'a rocket'],
    })
    const cells = () => texts(page, '.matrix tbody td')
    const best = (row: number[]) => row.indexOf(Math.max(...row))
    expect(await texts(page, '.matrix thead th')).toEqual(['a pizza', 'a rocket'])
    expect(await cells()).toEqual(
      probabilities.flatMap((row: number[]) =>
        row.map((value, i) => `${percent(value)}${i === best(row) ? ' (best)' : ''}`)
      ),
    )
    await page.getByRole('radio', { name: 'Logit' }).check()
    expect(await cells()).toEqual(
      logits.flatMap((row: number[]) =>
        row.map((value, i) => `${value.toFixed(2)}${i === best(row) ? ' (best)' : ''}`)
      ),
    )
    expect(requests).toBe(1)
    // the tray is the same in all views
    await openView(page, 'Classify')
    expect(await page.getByRole('list', { name: 'Chosen pictures' }).getByRole('listitem').count()).toBe(3)
  })

  it("searches the folder by words, by a picture of one's own in three ways, and by one of its pictures", async () => {
    const { page } = open
    await openView(page, 'Gallery')
    await page.getByText('5 pictures').first().waitFor()
    const first = page.locator('.tile').first()
    await page.getByRole('searchbox').fill('a red heart')
    await first.filter({ hasText: 'red-heart.png' }).waitFor()

    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Search by picture' }).click()
    await (await chooser).setFiles([sample('rocket.png')])
    await page.getByText('Like rocket.png').waitFor()
    await first.filter({ hasText: 'rocket.png' }).filter({ hasText: '1.000' }).waitFor()
    await page.dispatchEvent('body', 'drop', { dataTransfer: await transferOf(page, ['pizza.webp']) })
    await first.filter({ hasText: 'pizza.webp' }).filter({ hasText: '1.000' }).waitFor()
    await paste(page, ['red-apple.jpg'])
    await first.filter({ hasText: 'red-apple.jpg' }).filter({ hasText: '1.000' }).waitFor()
    expect(await page.getByRole('searchbox').inputValue()).toBe('')

    await page.getByRole('button', { name: /^automobile\.png/ }).click()
    await page.getByRole('dialog', { name: 'automobile.png' }).getByText(/\d+ kB · similarity/).waitFor()
    await page.waitForFunction(() => (globalThis as any).document.querySelector('#viewer-image').naturalWidth > 0)
    await page.getByRole('button', { name: 'More like this', exact: true }).click()
    await page.getByText('Like automobile.png').waitFor()
    await first.filter({ hasText: 'automobile.png' }).filter({ hasText: '1.000' }).waitFor()
    await page.getByRole('button', { name: 'Show all pictures' }).click()
    await page.locator('#gallery-status', { hasText: /^5 pictures/ }).waitFor()
    expect(await texts(page, '.tile-name')).toEqual(['automobile.png', 'pizza.webp', 'red-apple.jpg', 'red-heart.png',
      'rocket.png'])
  })

  it('narrows the search by filters, and adds the next page below', async () => {
    const { page } = open
    await page.goto(`${served.url}/#gallery`)
    await page.reload() // an address with another part behind # is the same page
    await page.locator('#gallery-status', { hasText: /^5 pictures/ }).waitFor()
    await page.getByText('Filters', { exact: true }).click()
    await page.getByLabel('Name or path').fill('rocket')
    await page.locator('#gallery-status', { hasText: /^1 picture / }).waitFor()
    expect(await texts(page, '.tile-name')).toEqual(['rocket.png'])
    await page.getByLabel('Camera').fill('a camera that took none')
    await page.locator('#gallery-status', { hasText: 'No picture fits.' }).waitFor()
    await page.getByRole('button', { name: 'Clear the filters' }).click()
    await page.locator('#gallery-status', { hasText: /^5 pictures/ }).waitFor()
    await page.getByRole('searchbox').fill('a red heart -') // nothing is asked for until there is a second part
    await page.getByRole('searchbox').fill('a red heart - a red apple')
    await page.locator('.tile').first().filter({ hasText: 'red-heart.png' }).filter({ hasText: 'similarity' }).waitFor()
    expect(await page.getByRole('alert').textContent()).toBe('')

    await page.route(
      '**/gallery/search',
      (route, request) => route.continue({ postData: JSON.stringify({ ...request.postDataJSON(), limit: 2 }) }),
    )
    await page.getByRole('searchbox').fill('')
    await page.locator('#gallery-status', { hasText: /^5 pictures/ }).waitFor()
    const names = ['automobile.png', 'pizza.webp', 'red-apple.jpg', 'red-heart.png', 'rocket.png']
    expect(await texts(page, '.tile-name')).toEqual(names.slice(0, 2))
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.getByRole('button', { name: 'red-heart.png', exact: true }).waitFor()
    expect(await page.evaluate(() => (globalThis as any).document.activeElement.textContent)).toBe('red-apple.jpg')
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.getByRole('button', { name: 'Show more' }).waitFor({ state: 'hidden' })
    expect(await texts(page, '.tile-name')).toEqual(names)
    await page.unroute('**/gallery/search')

    await page.getByRole('button', { name: 'More like this: red-heart.png' }).click()
    await page.locator('.tile').first().filter({ hasText: 'red-heart.png' }).filter({ hasText: '1.000' }).waitFor()
    await page.getByRole('button', { name: 'Show all pictures' }).click()
    await page.locator('#gallery-status', { hasText: /^5 pictures/ }).waitFor()
  })

  it('finds what came into the folder', async () => {
    const { page } = open
    await page.goto(`${served.url}/#gallery`)
    await page.getByRole('button', { name: 'automobile.png', exact: true }).waitFor()
    copyFileSync(sample('umbrella-with-rain-drops.webp'), join(folder.path, 'umbrella.webp'))
    await page.getByRole('button', { name: 'Look for changes' }).click()
    await page.getByRole('button', { name: 'umbrella.webp', exact: true }).waitFor()
  })

  it('shows where the time goes as the server says it, whatever it names, and nothing where it says nothing', async () => {
    const { page } = open
    const timing = (header: string | undefined) =>
      page.route('**/v1/rank', async route => {
        const response = await route.fetch()
        const { 'server-timing': _, ...headers } = response.headers()
        await route.fulfill({ response, headers: { ...headers, ...(header && { 'server-timing': header }) } })
      })
    await openView(page, 'Rank')
    await chooseFiles(page, ['pizza.webp'])
    await page.getByLabel('What to look for').fill('a photo of a pizza')
    await page.locator('#timing', { hasText: /^On the server: [\d.]+ m?s.*decode [\d.]+ ms/ }).waitFor()
    await timing('decode;dur=1.25, cache;desc="hit", odd.name;desc="warm, up";dur=20.4, total;dur=1234.5')
    await page.getByLabel('What to look for').fill('a pizza')
    await page.locator('#timing', { hasText: 'warm, up' }).waitFor()
    expect(await page.locator('#status').innerText()).toMatch(/^1 picture · .* in all$/)
    expect(await page.locator('#timing').innerText()).toMatch(
      /^On the server: 1\.2 s\s+decode 1\.3 ms\s+warm, up 20 ms$/,
    )
    await page.unroute('**/v1/rank')
    await timing('model;dur=7')
    await page.getByLabel('What to look for').fill('a pizza slice')
    await page.locator('#timing', { hasText: /^On the servermodel 7\.0 ms$/ }).waitFor()
    await page.unroute('**/v1/rank')
    await timing(undefined)
    await page.getByLabel('What to look for').fill('a pizza on a plate')
    await page.locator('#timing:empty').waitFor({ state: 'attached' })
    expect(await page.locator('#status').innerText()).toMatch(/^1 picture · .* in all$/)
  })

  it('keeps the chosen theme', async () => {
    const { page } = open
    const background = () =>
      page.evaluate(() => (globalThis as any).getComputedStyle((globalThis as any).document.body).backgroundColor)
    const light = await background()
    await page.getByRole('radio', { name: 'Dark' }).check()
    const dark = await background()
    expect(dark).not.toBe(light)
    await page.reload()
    expect(await background()).toBe(dark)
    await page.getByRole('radio', { name: 'As the system' }).check()
    expect(await background()).toBe(light)
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await background()).toBe(dark)
  })
})

async function paste(page: Page, names: readonly string[]): Promise<void> {
  await (await transferOf(page, names)).evaluate((clipboardData: any) => {
    const { ClipboardEvent, document } = globalThis as any
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  })
}
