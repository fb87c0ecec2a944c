#!/usr/bin/env node
/** The command `ggclip`: a table of its verbs, each in its own file. */
import { bench } from './commands/bench.js'
import { build } from './commands/build.js'
import { classify } from './commands/classify.js'
import { cluster } from './commands/cluster.js'
import { convert } from './commands/convert.js'
import { dedupe } from './commands/dedupe.js'
import { demo } from './commands/demo.js'
import { embed } from './commands/embed.js'
import { enqueue } from './commands/enqueue.js'
import { index } from './commands/index.js'
import { info } from './commands/info.js'
import { inspect } from './commands/inspect.js'
import { mcp } from './commands/mcp.js'
import { models } from './commands/models.js'
import { pull } from './commands/pull.js'
import { queue } from './commands/queue.js'
import { quantize } from './commands/quantize.js'
import { search } from './commands/search.js'
import { serve } from './commands/serve.js'
import { similarity } from './commands/similarity.js'
import { tokenize } from './commands/tokenize.js'
import { watch } from './commands/watch.js'
import { work } from './commands/work.js'
import { run } from './run.js'

void run([classify, embed, similarity, index, search, dedupe, cluster, watch, mcp, enqueue, work, queue, tokenize, info,
  models, pull, inspect, convert, quantize, serve, bench, build, demo])
