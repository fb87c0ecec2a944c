/** S3's answers in XML: pages of a list of objects, and errors. */
import { decodeXML } from 'entities'

import { ClipError } from '../../errors.js'

export interface S3Object {
  key: string
  /** Bytes. */
  size: number
  /** Milliseconds since 1970, in whole seconds: more is not said everywhere. */
  modified: number
}

/** @throws {ClipError} ERR_CLIP_S3_FAILED: it is no such page */
export function pageOf(xml: string, name: string): { objects: S3Object[]; next?: string } {
  const unexpected = (what: string): ClipError =>
    new ClipError('ERR_CLIP_S3_FAILED', `'${name}': expected a page of a list of objects, ${what}`)
  if (!/<ListBucketResult[\s>/]/.test(xml)) throw unexpected(`received '${xml.slice(0, 60)}'`)
  // spaces are encoded as '+' by some, as '%20' by others
  const isEncoded = valueOf(xml.replace(/<Contents>.*?<\/Contents>/gs, ''), 'EncodingType') === 'url'
  const objects = Array.from(xml.matchAll(/<Contents>(.*?)<\/Contents>/gs), ([, entry]) => {
    const [key, size, modified] = ['Key', 'Size', 'LastModified'].map(field => valueOf(entry!, field))
    const time = Math.trunc(Date.parse(modified ?? '') / 1000) * 1000
    if (key === undefined || !/^\d+$/.test(size ?? '') || Number.isNaN(time))
      throw unexpected(`received an object without key, size or time: '${entry!.slice(0, 200)}'`)
    return { key: isEncoded ? decoded(key) ?? key : key, size: Number(size), modified: time }
  })
  const next = valueOf(xml, 'NextContinuationToken')
  if (valueOf(xml, 'IsTruncated') !== 'true') return { objects }
  if (next === undefined) throw unexpected('received a part of it without a token for the rest')
  return { objects, next }
}

/** `: <code>, <message>`, as far as an answer has them. */
export function errorOf(xml: string): string {
  const parts = [valueOf(xml, 'Code'), valueOf(xml, 'Message')].filter(part => part !== undefined && part !== '')
  return parts.length === 0 ? '' : `: ${parts.join(', ').replace(/\s+/g, ' ').slice(0, 300)}`
}

function valueOf(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return text === undefined ? undefined : decodeXML(text)
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
