/** Which label fits each picture: one card a picture, ranked bars on it. */
import { classify } from '../calls/api.js'
import { Failure } from '../calls/failure.js'
import { session } from '../calls/http.js'
import { typical } from '../calls/timing.js'
import { byId, count, duration, make, percent } from '../parts/dom.js'
import { eachOf, Job } from '../parts/job.js'
import { thumbnail } from '../parts/pictures.js'

const barsAtFirst = 5
const requestsAtOnce = 4
const spokenAtMost = 3

/** Texts between commas and line ends, each once. */
export function splitLabels(text) {
  return [...new Set(text.split(/[,\n]/).map(label => label.trim()).filter(Boolean))]
}

export function classifyView(desk) {
  const form = byId('classify-form')
  const cards = make('div', { className: 'cards' })
  const shown = new Map() // id of a picture: its card
  let asked = '' // the question that the answers on the cards belong to
  const job = new Job(run)

  form.addEventListener('input', () => job.soon())

  async function run(signal) {
    const pictures = desk.tray.list
    const question = readQuestion()
    desk.clearNotice()
    if (pictures.length === 0 || question.labels.length === 0) {
      asked = ''
      shown.clear()
      return desk.showHint(hintFor(pictures, question.labels))
    }
    const text = JSON.stringify([session.model, question])
    if (text !== asked) { for (const card of shown.values()) card.answered = false }
    asked = text
    layOut(pictures)
    desk.show(cards)
    const open = pictures.filter(picture => !shown.get(picture.id).answered)
    for (const picture of open) shown.get(picture.id).wait()
    const began = performance.now()
    desk.status(open.length > 0 ? 'Working…' : '')
    const well = await desk.attempt(
      () => eachOf(open, requestsAtOnce, picture => answer(picture, question, signal)),
      signal,
      () => job.now(),
    )
    if (signal.aborted) return
    for (const card of shown.values()) card.rest()
    if (!well) return
    const all = pictures.map(picture => shown.get(picture.id))
    desk.status(summary(all, question.labels, performance.now() - began), spoken(all))
    desk.timing(
      typical(all.map(card => card.stages)),
      pictures.length > 1 ? 'On the server, for one picture' : undefined,
    )
  }

  async function answer(picture, question, signal) {
    const card = shown.get(picture.id)
    try {
      card.fill(await classify(picture, question, signal))
    } catch (error) {
      // one bad picture is told on its own card and stops no other
      if (!(error instanceof Failure) || !['picture', 'size'].includes(error.kind)) throw error
      card.fail(error)
    }
  }

  function layOut(pictures) {
    const wanted = new Set(pictures.map(picture => picture.id))
    for (const id of shown.keys()) if (!wanted.has(id)) shown.delete(id)
    for (const picture of pictures) if (!shown.has(picture.id)) shown.set(picture.id, new Card(picture))
    const elements = pictures.map(picture => shown.get(picture.id).element)
    if (elements.length !== cards.children.length || elements.some((element, i) => cards.children[i] !== element))
      cards.replaceChildren(...elements)
  }

  return {
    title: 'Classify',
    lead: 'Which of your labels fits each picture?',
    form,
    refresh: () => job.now(),
    stop: () => job.stop(),
  }
}

function summary(cards, labels, ms) {
  const failed = cards.filter(card => card.failed).length
  return [
    `${count(cards.length, 'picture')}, ${count(labels.length, 'label')}`,
    failed > 0 && `${failed} could not be read`,
    `${duration(ms)} in all`,
  ].filter(Boolean).join(' · ')
}

/** For the ears: what the cards show, of the first of them. */
function spoken(cards) {
  const more = cards.length - spokenAtMost
  return [...cards.slice(0, spokenAtMost).map(card => card.spoken), more > 0 && `And ${count(more, 'more picture')}.`]
    .filter(Boolean).join(' ')
}

function readQuestion() {
  const templates = byId('template').value.split('|').map(template => template.trim()).filter(Boolean)
  return {
    labels: splitLabels(byId('labels').value),
    templates: templates.length > 0 ? templates : ['{}'],
    multiLabel: byId('multi-label').checked,
  }
}

function hintFor(pictures, labels) {
  if (pictures.length === 0 && labels.length === 0)
    return 'Add pictures and type a few labels. Each picture gets a ranking of the labels.'
  return pictures.length === 0 ? 'Add a picture to see which label fits it.' : 'Type some labels to see which fits.'
}

/** A picture and its ranking. */
class Card {
  answered = false
  failed = false
  /** How long the server took, see timing.js. */
  stages = []
  /** What is on it, as a sentence. */
  spoken = ''
  #name
  #expanded = false
  #body = make('div', { className: 'card-body' })
  #heading = make('h3', {}, '…')

  constructor(picture) {
    this.#name = picture.name
    this.element = make(
      'article',
      { className: 'card', 'aria-label': picture.name },
      make(
        'div',
        { className: 'card-head' },
        make('div', { className: 'card-picture' }, thumbnail(picture)),
        make(
          'div',
          { className: 'card-title' },
          this.#heading,
          make('p', { className: 'file', title: picture.name }, picture.name),
        ),
      ),
      this.#body,
    )
  }

  /** What is on it, if anything, answers another question. */
  wait() {
    this.element.setAttribute('aria-busy', 'true')
    this.element.classList.toggle('dim', this.#body.childElementCount > 0)
  }

  /** Nothing is on its way any more. */
  rest() {
    this.element.removeAttribute('aria-busy')
    if (this.answered) this.element.classList.remove('dim')
    if (!this.answered && this.#body.childElementCount === 0) this.#heading.textContent = 'No answer yet'
  }

  fill({ results, stages }) {
    this.#settle(false, stages)
    this.spoken = `${this.#name}: ${results[0].label}, ${percent(results[0].score)}.`
    this.#heading.textContent = results[0].label
    this.#showBars(results)
  }

  fail(failure) {
    this.#settle(true, [])
    const words = failure.kind === 'size' ? 'Too large' : 'Not readable'
    this.spoken = `${this.#name}: ${words.toLowerCase()}.`
    this.#heading.textContent = words
    this.#body.replaceChildren(make('p', { className: 'problem' }, failure.message))
  }

  #settle(failed, stages) {
    this.answered = true
    this.failed = failed
    this.stages = stages
    this.element.classList.toggle('failed', failed)
    this.rest()
  }

  #showBars(results) {
    const list = make('ol', { className: 'bars', role: 'list' }, ...results.map((result, place) => bar(result, place)))
    this.#body.replaceChildren(list)
    if (results.length <= barsAtFirst) return
    const update = () => {
      ;[...list.children].forEach((item, place) => {
        item.hidden = !this.#expanded && place >= barsAtFirst
      })
      button.textContent = this.#expanded ? 'Show fewer' : `Show all ${results.length}`
      button.setAttribute('aria-expanded', String(this.#expanded))
    }
    const button = make('button', {
      type: 'button',
      className: 'quiet small',
      onclick: () => {
        this.#expanded = !this.#expanded
        update()
      },
    })
    this.#body.append(button)
    update()
  }
}

function bar({ label, score, similarity }, place) {
  return make(
    'li',
    {
      className: place === 0 ? 'best' : '',
      title: similarity === undefined ? undefined : `cosine similarity ${similarity.toFixed(3)}`,
    },
    make('span', { className: 'bar-label' }, label),
    make('span', { className: 'bar-value' }, percent(score)),
    make('span', {
      className: 'bar',
      'aria-hidden': 'true',
      vars: { '--share': String(Math.min(1, Math.max(0, score))) },
    }),
  )
}
