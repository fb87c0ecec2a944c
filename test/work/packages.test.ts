/** Where aws4 is not installed: lib/work/s3/client.ts. */
import { pictureSources } from '../../lib/index.js'

jest.doMock('aws4', () => {
  throw Object.assign(new Error("Cannot find module 'aws4'"), { code: 'MODULE_NOT_FOUND' })
})

const keys = { accessKeyId: 'id', secretAccessKey: 'secret' }

test('one sentence says what to install, before anything is requested', async () => {
  for (const source of ['s3://bucket/photos/', 's3://bucket/shard.tar']) {
    const first = pictureSources([source], { s3: { endpoint: 'http://127.0.0.1:1', ...keys } }).next()
    await expect(first).rejects.toMatchObject({
      name: 'ClipError',
      code: 'ERR_CLIP_WORK_PARTS',
      message: 'signing requests to S3 needs a package that ggclip does not bring: npm install aws4',
    })
  }
})
