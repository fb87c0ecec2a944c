// Whole safetensors files as objects: name to { dtype, shape, bytes }.
'use strict'

const { buildSafetensors, parseSafetensors } = require('../fixtures/bad-input/model-files.cjs')

function tensorsOf(file) {
  const { header, data } = parseSafetensors(file)
  delete header.__metadata__
  return Object.fromEntries(
    Object.entries(header).map((
      [name, { dtype, shape, data_offsets: [begin, end] }],
    ) => [name, { dtype, shape, bytes: data.subarray(begin, end) }]),
  )
}

/** In the order of `tensors`. */
function fileOf(tensors, metadata) {
  const header = metadata ? { __metadata__: metadata } : {}
  let offset = 0
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors))
    header[name] = { dtype, shape, data_offsets: [offset, offset += bytes.length] }
  const text = JSON.stringify(header)
  return buildSafetensors({
    text: text.padEnd(Math.ceil(text.length / 8) * 8),
    data: Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes)),
  })
}

module.exports = { fileOf, tensorsOf }
