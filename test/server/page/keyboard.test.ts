/** The page without a mouse and without eyes: names and roles, the way of the focus, what is announced. */
import { readdirSync } from 'node:fs'

import type { Browser, CDPSession, Page } from 'playwright-core'

import { describeInBrowser, launch, openPage, openView, sample, serve, type Served } from './support'

interface Stop {
  role: string
  name: string
  visible: boolean
}

/** Connections to the accessibility tree. */
const clients = new WeakMap<Page, Promise<CDPSession>>()

function clientOf(page: Page): Promise<CDPSession> {
  if (!clients.has(page)) clients.set(page, page.context().newCDPSession(page))
  return clients.get(page)!
}

/** Role and name of all that can have the focus. */
async function controls(page: Page): Promise<string[]> {
  const { nodes } = await (await clientOf(page)).send('Accessibility.getFullAXTree')
  return nodes
    .filter(({ ignored, role, properties }) =>
      !ignored && role?.value !== 'RootWebArea' &&
      properties?.some(({ name, value }) => name === 'focusable' && value.value === true)
    )
    .map(({ role, name }) => `${role?.value}: ${name?.value}`)
    .filter(line => !/^(main: |option: .*)$/.test(line))
    .sort()
}

/** What has the focus, as assistive technology knows it, and whether one sees that it has it. */
async function focused(page: Page): Promise<Stop> {
  const client = await clientOf(page)
  const { result } = await client.send('Runtime.evaluate', { expression: 'document.activeElement' })
  const { nodes } = await client.send('Accessibility.getPartialAXTree', {
    objectId: result.objectId!,
    fetchRelatives: false,
  })
  const [node] = nodes
  const visible = await page.evaluate(() => {
    const { document, getComputedStyle } = globalThis as any
    const element = document.activeElement
    const box = element.getBoundingClientRect()
    const outlined = [element, element.closest('label')].some(one =>
      one && getComputedStyle(one).outlineStyle === 'solid' && parseFloat(getComputedStyle(one).outlineWidth) >= 2
    )
    return outlined && element.checkVisibility({ visibilityProperty: true }) && box.bottom > 0 &&
      box.top < (globalThis as any).innerHeight
  })
  return { role: String(node!.role?.value), name: String(node!.name?.value), visible }
}

/** Tab until something of this name has the focus; every stop on the way is seen. */
async function tabTo(page: Page, name: string | RegExp): Promise<Stop[]> {
  const stops: Stop[] = []
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab')
    const stop = await focused(page)
    stops.push(stop)
    expect(stop).toMatchObject({ visible: true })
    if (typeof name === 'string' ? stop.name === name : name.test(stop.name)) return stops
  }
  throw new Error(`no ${String(name)} among ${JSON.stringify(stops)}`)
}

const live = (page: Page) => page.locator('#live')

describeInBrowser('the web page, by keyboard and by ear', () => {
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

  it('has a role and a name for every control', async () => {
    const { page, close } = await openPage(browser, served.url)
    await page.getByRole('link', { name: 'Gallery' }).waitFor()
    await page.getByText('Template and scoring').click()
    const head = [
      'link: Skip to the tool',
      'link: Classify',
      'link: Rank',
      'link: Compare',
      'link: Gallery',
      'radio: As the system',
      'radio: Light',
      'radio: Dark',
    ]
    const pictures = ['button: Choose pictures', 'button: Try the samples']
    const expectControls = async (...expected: string[]) => expect(await controls(page)).toEqual(expected.sort())
    await expectControls(
      ...head,
      ...pictures,
      'textbox: What may be in the picture',
      'DisclosureTriangle: Template and scoring',
      'textbox: Template',
      'checkbox: Score each label by itself',
    )
    await openView(page, 'Rank')
    await expectControls(...head, ...pictures, 'textbox: What to look for')
    await openView(page, 'Compare')
    const compare = ['textbox: Texts to compare the pictures with', 'radio: Probability', 'radio: Logit']
    await expectControls(...head, ...pictures, ...compare)
    await page.getByRole('button', { name: 'Try the samples' }).click()
    await page.getByRole('cell', { name: /best/ }).first().waitFor()
    await expectControls(
      ...head,
      'button: Choose pictures',
      'button: Remove all',
      'region: Similarity of pictures and texts',
      ...compare,
      ...['rocket.png', 'pizza.webp', 'cat-face.png', 'guitar.jpg', 'sunflower.png', 'photo-hat.jpg'].map(name =>
        `button: Remove ${name}`
      ),
    )
    await openView(page, 'Gallery')
    await page.getByRole('button', { name: 'red-apple.jpg', exact: true }).waitFor()
    const folder = readdirSync(sample('.')).filter(name => !name.endsWith('.json')).flatMap(name => [
      `button: ${name}`,
      `button: More like this: ${name}`,
    ])
    await expectControls(
      ...head,
      'searchbox: Search the folders',
      'button: Search',
      'button: Search by picture',
      'button: Look for changes',
      'DisclosureTriangle: Filters',
      ...folder,
    )
    await page.getByRole('button', { name: 'red-apple.jpg', exact: true }).click()
    await expectControls('dialog: red-apple.jpg', 'button: More like this', 'button: Close')
    await close()
  })

  it('adds a picture, types labels and gets ranked bars with Tab, Enter and Space only', async () => {
    const { page, problems, close } = await openPage(browser, served.url)
    await page.getByRole('link', { name: 'Gallery' }).waitFor()
    expect((await tabTo(page, 'Classify')).map(({ name }) => name)).toEqual(['Skip to the tool', 'Classify'])
    await tabTo(page, 'Choose pictures')
    const chooser = page.waitForEvent('filechooser')
    await page.keyboard.press('Enter')
    await (await chooser).setFiles([sample('pizza.webp'), sample('rocket.png')])
    await tabTo(page, 'What may be in the picture')
    await page.keyboard.type('pizza, rocket, guitar, hat, umbrella, cat face')
    await page.getByRole('article', { name: 'pizza.webp' }).getByRole('heading', { name: 'pizza' }).waitFor()
    expect(await live(page).textContent()).toMatch(/^pizza\.webp: pizza, [\d.]+ %\. rocket\.png: rocket, [\d.]+ %\.$/)
    await tabTo(page, 'Template and scoring')
    await page.keyboard.press('Enter')
    await tabTo(page, 'Score each label by itself')
    await page.keyboard.press('Space')
    await tabTo(page, 'Show all 6')
    await page.keyboard.press('Enter')
    expect(await focused(page)).toMatchObject({ name: 'Show fewer', visible: true })
    expect(await page.getByRole('article', { name: 'pizza.webp' }).getByRole('listitem').count()).toBe(6)
    expect(problems).toEqual([])
    await close()
  })

  it('removes a picture and keeps the focus near; says so', async () => {
    const { page, close } = await openPage(browser, served.url)
    await page.locator('#files').setInputFiles([sample('pizza.webp'), sample('rocket.png')])
    await tabTo(page, 'Remove pizza.webp')
    await page.keyboard.press('Enter')
    expect(await focused(page)).toMatchObject({ name: 'Remove rocket.png', visible: true })
    expect(await live(page).textContent()).toBe('pizza.webp removed. 1 picture left.')
    await page.keyboard.press('Space')
    expect(await focused(page)).toMatchObject({ name: 'Choose pictures' })
    await close()
  })

  it('skips the head, switches the theme and views, and comes back from a dialog to where it was', async () => {
    const { page, close } = await openPage(browser, served.url)
    await page.getByRole('link', { name: 'Gallery' }).waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect((await tabTo(page, 'Choose pictures')).length).toBe(1)
    await page.getByRole('radio', { name: 'As the system' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await page.evaluate(() => (globalThis as any).document.documentElement.dataset.theme)).toBe('dark')
    await page.getByRole('link', { name: 'Compare' }).focus()
    await tabTo(page, 'Gallery')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Gallery' }).waitFor() // a person sees it before the next key
    await tabTo(page, 'Search the folders')
    await page.keyboard.type('a red apple')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: /^red-apple\.jpg similarity/ }).waitFor()
    expect(await live(page).textContent()).toMatch(/^Best of 18 pictures: red-apple\.jpg, similarity 0\.\d{3};/)
    await tabTo(page, /^red-apple\.jpg similarity/)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'red-apple.jpg' }).waitFor()
    expect(await focused(page)).toMatchObject({ name: 'More like this', visible: true })
    await page.keyboard.press('Escape')
    expect(await focused(page)).toMatchObject({
      name: expect.stringMatching(/^red-apple\.jpg similarity/),
      visible: true,
    })
    await close()
  })

  it('announces an alert, and goes on with the results when its button is used', async () => {
    const { page, close } = await openPage(browser, served.url)
    let fail = true
    await page.route('**/v1/rank', route => (fail ? route.abort() : route.continue()))
    await openView(page, 'Rank')
    await page.locator('#files').setInputFiles([sample('pizza.webp')])
    await page.getByLabel('What to look for').fill('a pizza')
    await page.getByRole('alert').getByText('The server cannot be reached').waitFor()
    fail = false
    await page.getByRole('button', { name: 'Try again' }).focus()
    await page.keyboard.press('Enter')
    await page.locator('.ranking').getByText('pizza.webp').waitFor()
    expect(await live(page).textContent()).toMatch(/^Best first: pizza\.webp, 0\.\d{3}\.$/)
    expect(await page.evaluate(() => (globalThis as any).document.activeElement.id)).toBe('main')
    await close()
  })
})
