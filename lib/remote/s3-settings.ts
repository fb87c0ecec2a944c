/** Where S3's objects are and how requests are signed, from options and the environment variables of AWS's own tools. */
import { outOfRange } from '../errors.js'
import { checkBoolean, checkOptions, checkString } from '../validate.js'

/**
 * Where the objects of `s3://` addresses are, and how requests for them are signed. What is left out comes from the
 * environment variables of AWS's own tools.
 */
export interface S3Options {
  /** Of another server than AWS. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS. */
  endpoint?: string
  /** Default: AWS_REGION, AWS_DEFAULT_REGION, 'us-east-1'. A bucket of AWS in another region is found. */
  region?: string
  /** Whether buckets are in the path of URLs or in their hosts. Default: 'path' with an endpoint, else 'virtual'. */
  style?: 'path' | 'virtual'
  /** Do not sign requests: for public buckets. Default false, or true without keys. */
  anonymous?: boolean
  /** Default: AWS_ACCESS_KEY_ID. Signing needs the package `aws4`. */
  accessKeyId?: string
  /** Default: AWS_SECRET_ACCESS_KEY. */
  secretAccessKey?: string
  /** Default: AWS_SESSION_TOKEN. */
  sessionToken?: string
}

type Environment = Readonly<Record<string, string | undefined>>

export interface S3Settings {
  /** Undefined: AWS's, of the bucket's region. */
  endpoint: URL | undefined
  region: string
  /** Undefined: AWS's buckets have hosts of their own where their names allow that, others are in the path. */
  style: 'path' | 'virtual' | undefined
  /** Undefined: requests are not signed. */
  keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined
}

const names = ['endpoint', 'region', 'style', 'anonymous', 'accessKeyId', 'secretAccessKey', 'sessionToken'] as const

/** @param name of the argument, for messages */
export function s3Settings(name: string, options: S3Options | undefined, env: Environment = process.env): S3Settings {
  const given = checkOptions(name, options, names)
  for (const key of names) {
    if (key !== 'anonymous' && given[key] !== undefined) checkString(`${name}.${key}`, given[key])
  }
  const { style, anonymous = false } = given
  if (style !== undefined && style !== 'path' && style !== 'virtual')
    throw outOfRange(`${name}.style`, "'path' or 'virtual'", style)
  checkBoolean(`${name}.anonymous`, anonymous)
  const variable = given.endpoint !== undefined
    ? `${name}.endpoint`
    : env.AWS_ENDPOINT_URL_S3
    ? 'AWS_ENDPOINT_URL_S3'
    : 'AWS_ENDPOINT_URL'
  const endpoint = given.endpoint ?? (env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || undefined)
  const region = given.region ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1')
  if (!/^[\w-]{1,64}$/.test(region)) throw outOfRange(`${name}.region`, "a region such as 'us-east-1'", region)
  return {
    endpoint: endpoint === undefined ? undefined : endpointOf(variable, endpoint),
    region,
    style,
    keys: anonymous ? undefined : keysOf(name, given, env),
  }
}

function endpointOf(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw outOfRange(name, 'an http:// or https:// address', text)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw outOfRange(name, 'an address without a name, a password or a query', `${url.protocol}//${url.host}/...`)
  return url
}

function keysOf(name: string, given: S3Options, env: Environment): S3Settings['keys'] {
  const fromOptions = given.accessKeyId !== undefined || given.secretAccessKey !== undefined
  const [id, secret, token] = fromOptions
    ? [given.accessKeyId, given.secretAccessKey, given.sessionToken]
    : [env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN]
  if (!id && !secret) return undefined
  if (!id || !secret) {
    const [one, other] = fromOptions
      ? [`${name}.accessKeyId`, `${name}.secretAccessKey`]
      : ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
    throw outOfRange(id ? other : one, `a key, for ${id ? one : other} is given,`, undefined)
  }
  return { accessKeyId: id, secretAccessKey: secret, ...(token ? { sessionToken: token } : {}) }
}
