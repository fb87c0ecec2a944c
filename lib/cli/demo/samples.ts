/** The sample images of this package, and the labels for them. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'

import { ClipError } from '../../library.js'
import { samplesFolder } from '../../package.js'

export interface Sample {
  file: string
  path: string
  /** What the image shows. */
  label: string
  kind: 'emoji' | 'photo'
}

/** All names of clothing that the model was trained with: models/README.md. */
const clothes = [
  'dress',
  'hat',
  'long sleeve top',
  'jacket',
  'pants',
  'shirt',
  'shoes',
  'shorts',
  'skirt',
  't-shirt',
]

/**
 * Names of further emoji as plausible wrong answers: several for each sample. Chosen by hand before any result was seen.
 */
const furtherEmoji = [
  'tiger face',
  'fox',
  'bear',
  'rabbit face',
  'mouse face',
  'panda',
  'horse face',
  'wolf',
  'hamburger',
  'french fries',
  'taco',
  'doughnut',
  'cheese wedge',
  'pie',
  'green apple',
  'tomato',
  'cherries',
  'strawberry',
  'peach',
  'tangerine',
  'taxi',
  'bus',
  'police car',
  'bicycle',
  'locomotive',
  'ambulance',
  'small airplane',
  'helicopter',
  'satellite',
  'flying saucer',
  'bird',
  'violin',
  'trumpet',
  'drum',
  'banjo',
  'microphone',
  'umbrella',
  'closed umbrella',
  'cloud with rain',
  'droplet',
  'broken heart',
  'blue heart',
  'sparkling heart',
  'heart with arrow',
  'rose',
  'tulip',
  'cherry blossom',
  'sun with face',
  'blossom',
  'basketball',
  'volleyball',
  'baseball',
  'balloon',
  'full moon',
]

/** The labels for a sample. */
export function choices(samples: readonly Sample[], kind: Sample['kind']): string[] {
  return kind === 'photo' ? clothes : [...new Set([...samples.map(sample => sample.label), ...furtherEmoji])]
}

/** @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND if the package has no samples */
export async function readSamples(): Promise<Sample[]> {
  const file = path.join(samplesFolder, 'samples.json')
  try {
    const entries = Object.entries(JSON.parse(await readFile(file, 'utf8')) as Record<string, { label: string }>)
    return entries.map(([name, { label }]) => ({
      file: name,
      path: path.join(samplesFolder, name),
      label,
      kind: name.startsWith('photo-') ? 'photo' : 'emoji',
    }))
  } catch (error) {
    const message = `the sample images cannot be read: ${(error as Error).message}`
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', message, { cause: error })
  }
}
