/** classify, classifier and similarity. */
import { Clip, type Classification, cosineSimilarity, normalize, softmax } from '../../lib/index.js'
import { load, maxDifference, picture, sample, tinyModel } from '../lifecycle/support'

const image = sample('rocket.png')
const labels = ['rocket', 'cat', 'a red apple', 'umbrella']

describe('zero-shot', () => {
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load(tinyModel, load)
  })
  afterAll(() => clip.dispose())

  const sum = (results: readonly Classification[]) => results.reduce((total, { score }) => total + score, 0)

  describe('classify', () => {
    it('gives each label once, best first, with probabilities that add up to 1', async () => {
      const results = await clip.classify(image, labels)
      expect(results.map(result => result.label).sort()).toEqual([...labels].sort())
      expect(results.map(result => result.score)).toEqual(results.map(result => result.score).sort((a, b) => b - a))
      expect(sum(results)).toBeCloseTo(1, 6)
    })

    it('computes what the reference computes from the same vectors', async () => {
      const results = await clip.classify(image, labels)
      const vector = await clip.encodeImage(image)
      const texts = await clip.encodeText(labels.map(label => `a photo of a ${label}`))
      const similarities = texts.map(text => cosineSimilarity(vector, text))
      const scores = softmax(similarities.map(similarity => similarity * clip.info.logitScale))
      for (const { label, score, similarity } of results) {
        expect(similarity).toBeCloseTo(similarities[labels.indexOf(label)]!, 5)
        expect(score).toBeCloseTo(scores[labels.indexOf(label)]!, 3)
      }
    })

    it('gives only topK, with the scores they have among all', async () => {
      const all = await clip.classify(image, labels)
      expect(await clip.classify(image, labels, { topK: 2 })).toEqual(all.slice(0, 2))
      expect(await clip.classify(image, labels, { topK: 99 })).toEqual(all)
    })

    it('averages the directions of several templates', async () => {
      const templates = ['a photo of a {}', (label: string) => `${label}!`, 'a {label} and another {}']
      const results = await clip.classify(image, ['cat', 'dog'], { templates })
      const prompts = await clip.encodeText(['a photo of a cat', 'cat!', 'a cat and another cat'])
      const mean = normalize(prompts[0]!.map((_, i) => prompts.reduce((total, prompt) => total + prompt[i]!, 0)))
      const cat = results.find(result => result.label === 'cat')!
      expect(cat.similarity).toBeCloseTo(cosineSimilarity(await clip.encodeImage(image), mean), 5)
      const bare = await clip.classify(image, ['cat', 'dog'], { templates: '{}' })
      expect(bare.find(result => result.label === 'cat')!.similarity).not.toBeCloseTo(cat.similarity, 4)
    })

    it('scores labels one by one with multiLabel', async () => {
      const many = await clip.classify(image, labels, { multiLabel: true })
      const few = await clip.classify(image, [labels[1]!], { multiLabel: true })
      expect(few[0]!.score).toBeCloseTo(many.find(result => result.label === labels[1])!.score, 5)
      for (const { score } of many) expect(score > 0 && score < 1).toBe(true)
      expect((await clip.classify(image, [labels[1]!]))[0]!.score).toBe(1)
    })

    it('takes labels as they are: special characters, twice the same, very many', async () => {
      const odd = ['$&', '{}', '{label}', '<b>', '猫', '<|endoftext|>']
      expect((await clip.classify(image, odd)).map(result => result.label).sort()).toEqual([...odd].sort())
      const twice = await clip.classify(image, ['cat', 'cat'])
      expect(twice.map(({ score }) => score)).toEqual([0.5, 0.5])
      const many = Array.from({ length: 300 }, (_, i) => `thing ${i}`)
      expect(sum(await clip.classify(image, many))).toBeCloseTo(1, 5)
    })
  })

  describe('classifier', () => {
    it('encodes labels once and classifies one image or many as classify does', async () => {
      const classifier = await clip.classifier(labels)
      const before = clip.stats().items
      const images = [image, picture(1), picture(2)]
      const many = await classifier.classify(images)
      expect(clip.stats().items - before).toBe(3)
      for (const [i, results] of many.entries()) {
        const expected = await clip.classify(images[i]!, labels)
        expect(results.map(result => result.label)).toEqual(expected.map(result => result.label))
        expect(maxDifference(results.map(result => result.score), expected.map(result => result.score))).toBeLessThan(
          1e-3,
        )
      }
      expect(await classifier.classify([])).toEqual([])
      expect(classifier.vectors.map(vector => vector.length)).toEqual(labels.map(() => clip.info.dim))
    })

    it('does not follow later changes of the list of labels', async () => {
      const mutable = ['one', 'two']
      const classifier = await clip.classifier(mutable)
      mutable[0] = 'changed'
      expect((await classifier.classify(image)).map(result => result.label).sort()).toEqual(['one', 'two'])
    })
  })

  describe('similarity', () => {
    it('is the matrix of scaled cosines, one row an image', async () => {
      const images = [picture(1), picture(2), picture(3)]
      const texts = ['first', 'second']
      const { logits, probabilities } = await clip.similarity(images, texts)
      const imageVectors = await clip.encodeImage(images)
      const textVectors = await clip.encodeText(texts)
      expect(logits).toHaveLength(3)
      for (const [i, row] of logits.entries()) {
        const expected = textVectors.map(text => clip.info.logitScale * cosineSimilarity(imageVectors[i]!, text))
        expect(maxDifference(row, expected)).toBeLessThan(2e-3)
        expect(maxDifference(probabilities[i]!, softmax(row))).toBeLessThan(1e-6)
      }
    })

    it('takes one of each and none', async () => {
      const { logits, probabilities } = await clip.similarity(image, 'a rocket')
      expect([logits.length, logits[0]!.length, probabilities[0]![0]]).toEqual([1, 1, 1])
      expect(await clip.similarity([], ['x'])).toEqual({ logits: [], probabilities: [] })
    })
  })
})
