// Makes the screenshots of docs/web-page.md, in docs/images: run `npm run build:ts` first. Needs a Chromium
// (scripts/browser.cjs). Times on them are this machine's.
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const sharp = require('sharp')
const { launch } = require('./browser.cjs')

const root = path.join(__dirname, '..')
const images = path.join(root, 'docs', 'images')
const samples = path.join(root, 'models', 'samples')
const wide = { width: 1180, height: 780 }
const narrow = { width: 360, height: 1040 }

/** Name of the file: how the page is looked at, and what is done before. */
const shots = {
  'web-page-classify': { viewport: wide, prepare: classify },
  'web-page-compare-dark': { viewport: wide, colorScheme: 'dark', prepare: compare },
  'web-page-gallery': { viewport: wide, prepare: gallery },
  'web-page-narrow': { viewport: narrow, deviceScaleFactor: 1.5, prepare: rank },
  'web-page-error': { viewport: { width: 1180, height: 620 }, prepare: damaged },
}

async function classify(page) {
  await choose(page, ['pizza.webp', 'rocket.png', 'cat-face.png', 'guitar.jpg'])
  await page.locator('#labels').fill('pizza, rocket, guitar, cat face')
  await page.getByText('4 pictures, 4 labels').waitFor()
}

async function compare(page) {
  await view(page, 'Compare')
  await choose(page, ['pizza.webp', 'rocket.png', 'cat-face.png', 'sunflower.png', 'photo-shoes.jpg'])
  await page.locator('#texts').fill('a slice of pizza\na rocket\na cat\na flower\na photo of shoes')
  await page.getByText('5 pictures, 5 texts').waitFor()
}

async function gallery(page) {
  await view(page, 'Gallery')
  await page.getByRole('searchbox').fill('a red apple')
  await page.locator('.tile').first().getByText('red-apple').waitFor()
}

async function rank(page) {
  await view(page, 'Rank')
  await choose(page, ['rocket.png', 'guitar.jpg', 'sunflower.png'])
  await page.locator('#query').fill('a sunflower')
  await page.locator('.ranking li').nth(2).waitFor()
}

async function damaged(page) {
  await page.route('**/v1/classify', route => (route.request().postData().includes('moon')
    ? route.fulfill({
      status: 503,
      headers: { 'retry-after': '20' },
      json: { error: { code: 'ERR_CLIP_QUEUE_FULL', message: 'full' } },
    })
    : route.continue()))
  await choose(page, ['pizza.webp', { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') }])
  await page.locator('#labels').fill('pizza, rocket, guitar')
  await page.getByText('1 could not be read').waitFor()
  await page.locator('#labels').fill('pizza, rocket, moon')
  await page.getByText('try again in 20 s').waitFor()
}

const types = { '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp' }
const sample = name => ({
  name,
  mimeType: types[path.extname(name)],
  buffer: fs.readFileSync(path.join(samples, name)),
})
const choose = (page, files) =>
  page.locator('#files').setInputFiles(files.map(file => (typeof file === 'string' ? sample(file) : file)))

async function view(page, name) {
  const link = page.getByRole('navigation').getByRole('link', { name })
  await link.waitFor()
  await link.click()
}

async function main() {
  const { Server } = require('../dist/server/index.js')
  const index = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-screenshots-')) // else it would lie beside the samples
  const server = await Server.start({ port: 0, folder: samples, index })
  const browser = await launch()
  try {
    for (const [name, { prepare, ...options }] of Object.entries(shots))
      await shoot(browser, server.url, name, options, prepare)
  } finally {
    await browser.close()
    await server.close()
    fs.rmSync(index, { recursive: true, force: true })
  }
}

async function shoot(browser, url, name, options, prepare) {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  await page.goto(url)
  await page.getByRole('link', { name: 'Gallery' }).waitFor()
  await prepare(page)
  await page.evaluate(() => globalThis.document.activeElement.blur())
  await page.waitForFunction(() => [...globalThis.document.images].every(image => image.complete))
  await page.waitForTimeout(300) // the last picture is decoded and painted
  const file = path.join(images, `${name}.webp`)
  await sharp(await page.screenshot()).webp({ quality: 88, effort: 6 }).toFile(`${file}.new`)
  fs.renameSync(`${file}.new`, file)
  process.stdout.write(`${path.relative(root, file)}: ${fs.statSync(file).size} bytes\n`)
  await context.close()
}

main().catch(error => {
  process.stderr.write(`screenshots failed: ${error.stack}\n`)
  process.exitCode = 1
})
