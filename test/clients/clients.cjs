// Public clients of other servers, called as their users call them. Each gets the `url` of a server, `key`, the name of its `model`,
// `texts`, `pictures` as data URIs, and `load`, the require() of the installed packages. It answers with lists of vectors by
// the names that `expectations` in run.cjs has.
'use strict'

const { createRequire } = require('node:module')

/**
 * A provider of the AI SDK. `creator`: its export; `settings`: what a user gives it; `shorter`: its options for 64 values, if it
 * has some.
 */
const aiSdk = (name, creator, settings, { kind = 'embeddingModel', shorter } = {}) => ({
  name,
  async embed(at) {
    const { embed, embedMany } = at.load('ai')
    const model = at.load(name)[creator](settings(at))[kind](at.model)
    const many = async more => (await embedMany({ model, values: at.texts, maxRetries: 0, ...more })).embeddings
    const answers = {
      text: [(await embed({ model, value: at.texts[0], maxRetries: 0 })).embedding],
      texts: await many(),
    }
    return shorter === undefined ? answers : { ...answers, shorter: await many({ providerOptions: shorter }) }
  },
})

async function byLangChain(embeddings, texts) {
  return { text: [await embeddings.embedQuery(texts[0])], texts: await embeddings.embedDocuments(texts) }
}

const signBits = rows =>
  rows.map(row => row.flatMap(byte => [...(byte & 255).toString(2).padStart(8, '0')].map(Number)))

const clients = [
  {
    name: 'ollama',
    async embed({ load, url, key, model, texts, pictures }) {
      const { Ollama } = load('ollama')
      const client = new Ollama({ host: url, headers: { authorization: `Bearer ${key}` } })
      const ask = async (input, more) => (await client.embed({ model, input, ...more })).embeddings
      const { models } = await client.list()
      if (models[0].model !== 'clip:latest') throw new Error(`list: ${JSON.stringify(models)}`)
      return {
        text: await ask(texts[0]),
        texts: await ask(texts, { truncate: true, keep_alive: '5m' }),
        pictures: await ask(pictures),
        shorter: await ask(texts, { dimensions: 64 }),
      }
    },
  },
  {
    name: 'cohere-ai',
    async embed({ load, url, key, model, texts, pictures }) {
      const { CohereClientV2 } = load('cohere-ai')
      const client = new CohereClientV2({ token: key, environment: url })
      const ask = async (more, form = 'float') =>
        (await client.embed({
          model,
          inputType: 'search_document',
          embeddingTypes: [form],
          ...more,
        })).embeddings[form]
      return {
        text: await ask({ texts: [texts[0]] }),
        texts: await ask({ texts }),
        pictures: await ask({ images: pictures, inputType: 'image' }),
        mixed: await ask({
          inputs: [
            { content: [{ type: 'text', text: texts[0] }] },
            { content: [{ type: 'image_url', imageUrl: { url: pictures[0] } }] },
          ],
        }),
        shorter: await ask({ texts, outputDimension: 64 }),
        signs: signBits(await ask({ texts }, 'ubinary')),
      }
    },
  },
  {
    name: 'cohere-ai (v1)',
    async embed({ load, url, key, model, texts, pictures }) {
      const { CohereClient } = load('cohere-ai')
      const client = new CohereClient({ token: key, environment: url })
      const ask = async more => (await client.embed({ model, ...more })).embeddings
      return {
        text: await ask({ texts: [texts[0]], inputType: 'search_query' }),
        texts: (await ask({ texts, inputType: 'search_document', embeddingTypes: ['float'] })).float,
        pictures: await ask({ images: pictures, inputType: 'image' }),
      }
    },
  },
  {
    name: 'voyageai',
    async embed({ load, url, key, model, texts, pictures }) {
      const { VoyageAIClient } = load('voyageai')
      const client = new VoyageAIClient({ apiKey: key, environment: `${url}/v1` })
      const vectors = ({ data }) => data.map(({ embedding }) => embedding)
      const content = [{ type: 'text', text: texts[0] }, { type: 'image_base64', imageBase64: pictures[0] }]
      return {
        text: vectors(await client.embed({ model, input: texts[0], inputType: 'query' })),
        texts: vectors(await client.embed({ model, input: texts, inputType: 'document', truncation: true })),
        shorter: vectors(await client.embed({ model, input: texts, outputDimension: 64, outputDtype: 'float' })),
        mixed: vectors(
          await client.multimodalEmbed({
            model,
            inputs: content.map(part => ({ content: [part] })),
            inputType: 'document',
          }),
        ),
      }
    },
  },
  {
    name: 'openai',
    async embed({ load, url, key, model, texts, pictures }) {
      const { OpenAI } = load('openai')
      const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 })
      const ask = async (input, more) =>
        (await client.embeddings.create({ model, input, ...more })).data.map(({ embedding }) => embedding)
      return {
        text: await ask(texts[0]),
        texts: await ask(texts, { encoding_format: 'float' }),
        pictures: await ask(pictures),
        shorter: await ask(texts, { dimensions: 64 }),
      }
    },
  },
  aiSdk('@ai-sdk/openai', 'createOpenAI', ({ url, key }) => ({ apiKey: key, baseURL: `${url}/v1` }), {
    shorter: { openai: { dimensions: 64 } },
  }),
  aiSdk(
    '@ai-sdk/openai-compatible',
    'createOpenAICompatible',
    ({ url, key }) => ({ name: 'ggclip', apiKey: key, baseURL: `${url}/v1` }),
    { shorter: { ggclip: { dimensions: 64 } } },
  ),
  aiSdk('@ai-sdk/cohere', 'createCohere', ({ url, key }) => ({ apiKey: key, baseURL: `${url}/v2` })),
  aiSdk('@ai-sdk/voyage', 'createVoyage', ({ url, key }) => ({ apiKey: key, baseURL: `${url}/v1` }), {
    shorter: { voyage: { outputDimension: 64 } },
  }),
  aiSdk(
    'ollama-ai-provider-v2',
    'createOllama',
    ({ url, key }) => ({ baseURL: `${url}/api`, headers: { authorization: `Bearer ${key}` } }),
    { kind: 'textEmbeddingModel' },
  ),
  {
    name: '@langchain/openai',
    embed({ load, url, key, model, texts }) {
      const { OpenAIEmbeddings } = load('@langchain/openai')
      const configuration = { baseURL: `${url}/v1` }
      return byLangChain(new OpenAIEmbeddings({ apiKey: key, model, configuration, maxRetries: 0 }), texts)
    },
  },
  {
    name: '@langchain/ollama',
    embed({ load, url, key, model, texts }) {
      const { OllamaEmbeddings } = load('@langchain/ollama')
      const headers = { authorization: `Bearer ${key}` }
      return byLangChain(new OllamaEmbeddings({ baseUrl: url, model, headers, maxRetries: 0 }), texts)
    },
  },
  {
    name: '@langchain/cohere',
    embed({ load, url, key, model, texts }) {
      const { CohereEmbeddings } = load('@langchain/cohere')
      // LangChain.js brings an older one
      const { CohereClient } = createRequire(load.resolve('@langchain/cohere'))('cohere-ai')
      const client = new CohereClient({ token: key, environment: url })
      return byLangChain(new CohereEmbeddings({ client, model, maxRetries: 0 }), texts)
    },
  },
]

module.exports = { clients }
