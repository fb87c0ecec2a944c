// What the Node of Electron 9 lacks of Node 20, as far as encoding asks for it. The first file of the packed application.
'use strict'

const { EventEmitter } = require('events')
const Module = require('module')
const net = require('net')
const os = require('os')
const stream = require('stream')
const { promisify } = require('util')

const channel = { hasSubscribers: false, traceSync: (call, _, self, ...args) => call.apply(self, args) }
const modules = {
  'fs/promises': require('fs').promises,
  'stream/promises': { pipeline: promisify(stream.pipeline) },
  'timers/promises': { setTimeout: promisify(setTimeout), setImmediate: promisify(setImmediate) },
  'diagnostics_channel': { channel: () => channel, tracingChannel: () => channel },
}
const load = Module._load
Module._load = (request, ...more) => {
  const name = request.replace(/^node:/, '')
  return modules[name] || load(name, ...more)
}

class AbortSignal extends EventEmitter {
  constructor() {
    super()
    this.aborted = false
  }
  addEventListener(...args) {
    this.on(...args)
  }
  removeEventListener(...args) {
    this.off(...args)
  }
}

function at(index) {
  return this[index < 0 ? this.length + index : index]
}

const { Error: PlainError } = globalThis
class Error extends PlainError {
  constructor(message, options = {}) {
    super(message)
    this.cause = options.cause
  }
}

Object.assign(globalThis, {
  Error,
  AbortSignal,
  AbortController: class {
    constructor() {
      this.signal = new AbortSignal()
    }
    abort(reason) {
      Object.assign(this.signal, { aborted: true, reason }).emit('abort')
    }
  },
  DOMException: class extends Error {},
  FinalizationRegistry: class {
    register() {}
    unregister() {}
  },
  WeakRef: class {
    constructor(target) {
      this.deref = () => target
    }
  },
  performance: require('perf_hooks').performance,
})
net.BlockList = class {
  addSubnet() {}
  addAddress() {}
  addRange() {}
}
os.availableParallelism = () => os.cpus().length
Object.hasOwn = (object, key) => Object.prototype.hasOwnProperty.call(object, key)
for (const { prototype } of [Array, String, Object.getPrototypeOf(Uint8Array)]) prototype.at = at
Object.assign(String.prototype, {
  isWellFormed: () => true,
  toWellFormed() {
    return String(this)
  },
  replaceAll(found, by) {
    return typeof found === 'string' ? this.split(found).join(by) : this.replace(found, by)
  },
})
