/** Where LanceDB keeps a store: a folder of this machine, or a prefix of a bucket in S3. */
import path from 'node:path'

import { outOfRange } from '../errors.js'
import { type S3Options, s3Settings } from '../remote/s3-settings.js'

export interface LancePlace {
  /** As LanceDB takes it. */
  uri: string
  /** Undefined: in S3, where there is no folder to lock. */
  folder: string | undefined
  /** LanceDB's options for S3. */
  storageOptions?: Record<string, string>
}

/** @throws {RangeError} no folder and no address of S3, or settings of S3 that are none */
export function lancePlace(location: string, s3: S3Options | undefined): LancePlace {
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(location)?.[1]?.toLowerCase()
  if (scheme === undefined) {
    const folder = path.resolve(location)
    return { uri: folder, folder }
  }
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z\d][\w.-]{1,254})(?:\/(.*?))?\/*$/is.exec(location) ?? []
  if (bucket === undefined || bucket.includes('..') || /[?#%\s]|\/\//.test(prefix))
    throw outOfRange('location', "'lance:<folder>' or 'lance:s3://bucket/prefix'", `lance:${location}`)
  const { endpoint, region, style, keys } = s3Settings('options.s3', s3)
  return {
    uri: `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    folder: undefined,
    storageOptions: {
      aws_region: region,
      aws_virtual_hosted_style_request: String(style === undefined ? endpoint === undefined : style === 'virtual'),
      ...(endpoint &&
        { aws_endpoint: endpoint.href.replace(/\/$/, ''), allow_http: String(endpoint.protocol === 'http:') }),
      // without keys LanceDB would ask the machine's own cloud for some
      ...(keys
        ? {
          aws_access_key_id: keys.accessKeyId,
          aws_secret_access_key: keys.secretAccessKey,
          ...(keys.sessionToken !== undefined && { aws_session_token: keys.sessionToken }),
        }
        : { aws_skip_signature: 'true' }),
    },
  }
}
