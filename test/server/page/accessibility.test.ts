/** The page for everybody: axe finds nothing in any state; it fits narrow and enlarged; it keeps still and keeps its colours when asked to. */
import { readFileSync } from 'node:fs'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

import { describeInBrowser, launch, openPage, sample, serve, type Served } from './support'
import { walk } from './walk'

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** What axe finds, a line each. */
async function violations(page: Page): Promise<string[]> {
  return page.evaluate(async tags => {
    // runs in the browser
    const { violations: found } = await (globalThis as any).axe.run({
      runOnly: tags,
      resultTypes: ['violations'],
      preload: false,
    })
    return found.flatMap((one: any) =>
      one.nodes.map((node: any) => `${one.id}: ${node.target.join(' ')}: ${node.failureSummary}`)
    )
  }, rules)
}

/** An enlarged page is one on fewer pixels: 200 % of 1280 x 860, and 400 % of 1280 x 1024 (WCAG 1.4.10). */
const sizes = [
  { name: 'wide', width: 1280, height: 860, text: '', deep: true },
  { name: 'narrow', width: 360, height: 740, text: '', deep: true },
  { name: 'at 200 %', width: 640, height: 430, text: '', deep: false },
  { name: 'at 400 %', width: 320, height: 256, text: '', deep: false },
  { name: 'text at 200 %', width: 1280, height: 860, text: '200%', deep: false },
  { name: 'text at 200 %, half as wide', width: 640, height: 860, text: '200%', deep: false },
  { name: 'as it was', width: 1280, height: 860, text: '', deep: false },
]

/** What makes the page scroll sideways, outside of a frame that scrolls by itself; words of controls that are cut off. */
async function doesNotFit(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { document, getComputedStyle, innerWidth } = globalThis as any
    const named = (element: any): string =>
      `<${element.tagName.toLowerCase()} id="${element.id}" class="${element.className}">`
    const framed = (element: any): boolean =>
      element !== null && (getComputedStyle(element).overflowX !== 'visible' || framed(element.parentElement))
    const wide = document.scrollingElement.scrollWidth <= innerWidth ? [] : [...document.body.querySelectorAll('*')]
      .filter(element => element.getBoundingClientRect().right > innerWidth + 0.5 && !framed(element.parentElement))
    const cut = [...document.querySelectorAll('button, label, h1, h2, .notice p, .card h3')]
      .filter(element => element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1)
    return [...wide.map(element => `too wide: ${named(element)}`), ...cut.map(element =>
      `cut off: ${named(element)} ${element.textContent.trim()}`
    )]
  })
}

describeInBrowser('the web page, for everybody', () => {
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
  const open = (options: BrowserContextOptions) =>
    openPage(browser, served.url, { reducedMotion: 'reduce', ...options })

  it(
    'in every state: axe finds nothing, light or dark, wide or narrow; nothing sticks out enlarged; nobody else is asked',
    async () => {
      const { page, problems, close } = await open({})
      await page.evaluate(axe)
      const found: string[] = []
      const visited: string[] = []
      await walk(page, async state => {
        visited.push(state)
        for (const { name, width, height, text, deep } of sizes) {
          await page.setViewportSize({ width, height })
          await page.evaluate(size => {
            ;(globalThis as any).document.documentElement.style.fontSize = size
          }, text)
          const tell = (lines: string[]) => found.push(...lines.map(line => `${state}, ${name}: ${line}`))
          tell(await doesNotFit(page))
          if (!deep) continue
          for (const colorScheme of ['dark', 'light'] as const) {
            await page.emulateMedia({ colorScheme })
            tell((await violations(page)).map(line => `${colorScheme}, ${line}`))
          }
        }
        await page.setViewportSize({ width: 1280, height: 860 })
      }, () => {
        found.push(...problems.splice(0))
      })
      expect(found).toEqual([])
      expect(problems.filter(problem => !problem.includes('Failed to load resource'))).toEqual([]) // those were ordered
      expect(visited).toHaveLength(16)
      await close()
    },
    180_000,
  ) // ten seconds on a quiet machine

  it('moves nothing where motion is not wanted', async () => {
    const moving = async (reducedMotion: 'reduce' | 'no-preference') => {
      const { page, close } = await open({ reducedMotion })
      await page.getByRole('button', { name: 'Try the samples' }).click()
      await page.getByRole('article', { name: 'pizza.webp' }).getByRole('heading', { name: 'pizza' }).waitFor()
      const found = await page.evaluate(() => {
        const { document, getComputedStyle } = globalThis as any
        const still = (style: any) =>
          [style.transitionDuration, style.animationDuration].every((value: string) => /^0s(, 0s)*$/.test(value))
        return [...document.querySelectorAll('*')].filter(element =>
          [null, '::before', '::after'].some(part => !still(getComputedStyle(element, part)))
        ).length
      })
      await close()
      return found
    }
    expect(await moving('reduce')).toBe(0)
    expect(await moving('no-preference')).toBeGreaterThan(0)
  })

  it('shows bars and the current view where the system forces its colours', async () => {
    const { page, close } = await open({ forcedColors: 'active' })
    await page.getByRole('button', { name: 'Try the samples' }).click()
    await page.getByRole('article', { name: 'pizza.webp' }).getByRole('heading', { name: 'pizza' }).waitFor()
    const [bar, track, outline] = await page.evaluate(() => {
      const { document, getComputedStyle } = globalThis as any
      const first = document.querySelector('.card .best .bar')
      return [getComputedStyle(first, '::after').backgroundColor, getComputedStyle(first).backgroundColor,
        getComputedStyle(document.querySelector('[aria-current]')).outlineStyle]
    })
    expect(bar).not.toBe(track)
    expect(outline).toBe('solid')
    await close()
  })
})
