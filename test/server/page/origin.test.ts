/** The page loads its own files and talks to its own server, and nothing else: by its policy, and by what it does. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Browser } from 'playwright-core'

import { describeInBrowser, launch, openPage, pageFiles, pageFolder, sample, serve, type Served } from './support'

let served: Served
beforeAll(async () => {
  served = await serve({ folder: sample('.') })
})
afterAll(() => served?.close())

test('a strict policy comes with the page, its files and the pictures', async () => {
  let results: { thumbnail: string }[] | undefined
  while (!results?.length)
    ({ results } = await (await fetch(`${served.url}/gallery/pictures?limit=1`)).json() as { results?: typeof results })
  const addresses = ['', ...pageFiles.filter(name => name !== 'index.html').map(name => `page/${name}`),
    'page/samples.json', ...results.map(({ thumbnail }) => thumbnail)]
  for (const address of addresses) {
    const { status, headers } = await fetch(`${served.url}/${address}`)
    expect([address, status]).toEqual([address, 200])
    const policy = Object.fromEntries(
      headers.get('content-security-policy')!.split('; ').map(directive => directive.split(/ (.*)/)),
    )
    expect(policy).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': "'self' blob: data:",
      'connect-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
      'require-trusted-types-for': "'script'",
    })
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  }
})

test('its files name no other place', () => {
  for (const name of pageFiles) {
    const text = readFileSync(join(pageFolder, name), 'utf8').replaceAll('http://www.w3.org/2000/svg', '') // a namespace, not a place
    expect([name, text.match(/\w+:\/\/|["'(]\/\/\w/g)]).toEqual([name, null])
  }
})

describeInBrowser('in the browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser?.close())

  it("the policy stops scripts, styles and requests that are not the page's own", async () => {
    const { page, problems, close } = await openPage(browser, served.url)
    expect(problems).toEqual([])
    const stopped = await page.evaluate(async () => {
      const { document, fetch: request, Event: _ } = globalThis as any
      const found: string[] = []
      document.addEventListener('securitypolicyviolation', (event: any) => found.push(event.effectiveDirective))
      const add = (tag: string, properties: object) =>
        document.head.append(Object.assign(document.createElement(tag), properties))
      await request('https://example.com/').catch(() => undefined)
      add('style', { textContent: 'body { display: none }' })
      add('link', { rel: 'stylesheet', href: 'https://example.com/a.css' })
      add('img', { src: 'https://example.com/a.png' })
      try {
        document.body.innerHTML = '<p>markup</p>'
      } catch { /* told as a violation */ }
      await new Promise(resolve => void setTimeout(resolve, 200))
      return found
    })
    expect(stopped).toEqual(
      expect.arrayContaining(['connect-src', 'style-src-elem', 'img-src', 'require-trusted-types-for']),
    )
    await close()
  })
})
