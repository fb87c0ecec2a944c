/** A page of small pictures, whole in one file: what a search, or a grouping, has found. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

import { mapInOrder } from '../async/pipeline.js'
import { ClipError } from '../library.js'
import { fileUrlOf } from './raw-arguments.js'
import { type NamedFile, smallPicture } from './small-picture.js'

export interface SheetGroup {
  /** Undefined for a page with one group. */
  title?: string
  files: readonly (NamedFile & { note: string })[]
}

/** Pixels of a picture's longer side. */
const side = 320
/** Pictures that are made small at a time. */
const atOnce = 8

const style = `body{font:15px/1.4 system-ui,sans-serif;margin:2rem;background:Canvas;color:CanvasText}
:root{color-scheme:light dark}
section{display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:1rem;margin-bottom:2rem}
figure{margin:0}img,.none{width:100%;height:200px;object-fit:contain;background:#8882;border-radius:4px;display:block}
figcaption{overflow-wrap:anywhere;font-size:13px}small{opacity:.7}`

/** @throws {ClipError} ERR_CLIP_FILE_WRITE */
export async function writeSheet(file: string, title: string, groups: readonly SheetGroup[]): Promise<void> {
  const parts: string[] = []
  for (const { title: heading, files } of groups) {
    const figures: string[] = []
    for await (const made of mapInOrder(files, { limit: atOnce }, figure)) figures.push(made)
    parts.push(
      `${heading === undefined ? '' : `<h2>${escaped(heading)}</h2>\n`}<section>\n${figures.join('\n')}\n</section>`,
    )
  }
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${style}</style>
<h1>${escaped(title)}</h1>
${parts.join('\n')}
</html>
`
  await writeFile(file, page).catch(error => {
    throw new ClipError('ERR_CLIP_FILE_WRITE', `the page '${file}' cannot be written: ${(error as Error).message}`, {
      cause: error,
    })
  })
}

async function figure({ path: name, pathBytes, note }: SheetGroup['files'][number]): Promise<string> {
  const small = await smallPicture({ path: name, pathBytes }, side, picture => picture.jpeg({ quality: 75 }).toBuffer())
  const image = small
    ? `<img loading="lazy" alt="" src="data:image/jpeg;base64,${small.toString('base64')}">`
    : '<div class="none"></div>'
  const link = pathBytes ? fileUrlOf(pathBytes) : pathToFileURL(name).href
  return `<figure><a href="${escaped(link)}">${image}</a><figcaption title="${escaped(name)}">${
    escaped(path.basename(name))
  }<br><small>${escaped(note)}</small></figcaption></figure>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
