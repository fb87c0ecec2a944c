/** Which picture fits the query: the pictures, best first. */
import { rank } from '../calls/api.js'
import { byId, count, duration, make, signed } from '../parts/dom.js'
import { Job } from '../parts/job.js'
import { thumbnail } from '../parts/pictures.js'

export function rankView(desk) {
  const form = byId('rank-form')
  const job = new Job(run)
  form.addEventListener('input', () => job.soon())

  async function run(signal) {
    const pictures = desk.tray.list
    const query = byId('query').value.trim()
    desk.clearNotice()
    if (pictures.length === 0 || query === '') return desk.showHint(hintFor(pictures))
    desk.status('Working…')
    desk.dim()
    await desk.attempt(
      async () => {
        const answer = await rank(query, pictures, signal)
        desk.show(ranking(answer.results, pictures))
        desk.status(
          `${count(pictures.length, 'picture')} · ${duration(answer.ms)} in all`,
          spoken(answer.results, pictures),
        )
        desk.timing(answer.stages)
      },
      signal,
      () => job.now(),
    )
  }

  return {
    title: 'Rank',
    lead: 'Which of your pictures fits a description best?',
    form,
    refresh: () => job.now(),
    stop: () => job.stop(),
  }
}

const hintFor = pictures => (pictures.length === 0
  ? 'Add pictures, then describe the one you look for.'
  : 'Describe the picture you look for.')

const spoken = (results, pictures) =>
  `Best first: ${
    results.slice(0, 3).map(({ index, score }) => `${pictures[index].name}, ${signed(score)}`).join('; ')
  }.`

function ranking(results, pictures) {
  return make(
    'ol',
    { className: 'ranking', role: 'list' },
    ...results.map(({ index, score }, place) => {
      const picture = pictures[index]
      return make(
        'li',
        { className: place === 0 ? 'best' : '' },
        make('span', { className: 'place', 'aria-hidden': 'true' }, String(place + 1)),
        make('div', { className: 'ranking-picture' }, thumbnail(picture)),
        make(
          'div',
          { className: 'ranking-text' },
          make('p', { className: 'file', title: picture.name }, picture.name),
          make('span', {
            className: 'bar',
            'aria-hidden': 'true',
            vars: { '--share': String(Math.min(1, Math.max(0, score))) },
          }),
        ),
        make('span', { className: 'bar-value', title: 'cosine similarity' }, signed(score)),
      )
    }),
  )
}
