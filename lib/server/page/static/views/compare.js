/** Every picture against every text, as a table. */
import { similarity } from '../calls/api.js'
import { byId, count, duration, make, percent } from '../parts/dom.js'
import { Job } from '../parts/job.js'
import { thumbnail } from '../parts/pictures.js'

const splitLines = text => [...new Set(text.split('\n').map(line => line.trim()).filter(Boolean))]

export function compareView(desk) {
  const form = byId('compare-form')
  const job = new Job(run)
  let last // what the table shows: another measure of it needs no request
  form.addEventListener('input', event => {
    if (event.target.name !== 'measure') job.soon()
    else if (last) desk.show(table(last))
  })

  async function run(signal) {
    const pictures = desk.tray.list
    const texts = splitLines(byId('texts').value)
    desk.clearNotice()
    last = undefined
    if (pictures.length === 0 || texts.length === 0) return desk.showHint(hintFor(pictures, texts))
    desk.status('Working…')
    desk.dim()
    await desk.attempt(
      async () => {
        const answer = await similarity(pictures, texts, signal)
        last = { pictures, texts, ...answer }
        desk.show(table(last))
        desk.status(
          `${count(pictures.length, 'picture')}, ${count(texts.length, 'text')} · ${duration(answer.ms)} in all`,
          `A table of ${count(pictures.length, 'picture')} by ${count(texts.length, 'text')}. ${bestPairs(last)}`,
        )
        desk.timing(answer.stages)
      },
      signal,
      () => job.now(),
    )
  }

  return {
    title: 'Compare',
    lead: 'How well does every text fit every picture?',
    form,
    refresh: () => job.now(),
    stop: () => job.stop(),
  }
}

function hintFor(pictures, texts) {
  if (pictures.length === 0 && texts.length === 0) return 'Add pictures and texts. You get a table of every pair.'
  return pictures.length === 0 ? 'Add pictures to compare the texts with.' : 'Type texts to compare the pictures with.'
}

/** For the ears: the best text of each of the first pictures. */
function bestPairs({ pictures, texts, probabilities }) {
  const said = pictures.slice(0, 3).map((picture, row) => {
    const best = Math.max(...probabilities[row])
    return `${picture.name}: ${texts[probabilities[row].indexOf(best)]}, ${percent(best)}.`
  })
  return said.join(' ')
}

function table({ pictures, texts, logits, probabilities }) {
  const asLogit = document.querySelector('input[name=measure]:checked').value === 'logit'
  const rows = asLogit ? logits : probabilities
  const flat = rows.flat()
  const low = asLogit ? Math.min(...flat) : 0
  const span = (asLogit ? Math.max(...flat) : 1) - low || 1
  const caption = asLogit
    ? 'Logits: scaled cosine similarities. Higher fits better.'
    : 'Probabilities of the texts for each picture. The best text of a row is outlined.'
  return make(
    'div',
    { className: 'table-frame', role: 'region', 'aria-label': 'Similarity of pictures and texts', tabIndex: 0 },
    make(
      'table',
      { className: 'matrix' },
      make('caption', {}, caption),
      make(
        'thead',
        {},
        make(
          'tr',
          {},
          make('td', {}),
          ...texts.map(text => make('th', { scope: 'col', title: text }, make('span', {}, text))),
        ),
      ),
      make(
        'tbody',
        {},
        ...pictures.map((picture, row) => {
          const best = rows[row].indexOf(Math.max(...rows[row]))
          return make(
            'tr',
            {},
            make(
              'th',
              { scope: 'row' },
              make(
                'div',
                {},
                make('span', { className: 'matrix-picture' }, thumbnail(picture)),
                make('span', { className: 'file', title: picture.name }, picture.name),
              ),
            ),
            ...rows[row].map((value, column) =>
              make(
                'td',
                {
                  className: column === best ? 'best' : '',
                  vars: { '--heat': `${(((value - low) / span) * 100).toFixed(1)}%` },
                },
                asLogit ? value.toFixed(2) : percent(value),
                column === best && make('span', { className: 'unseen' }, ' (best)'),
              )
            ),
          )
        }),
      ),
    ),
  )
}
