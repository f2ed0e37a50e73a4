#!/usr/bin/env node
import * as module from 'node:module'

// Half of a short command is compiling what it is made of; Node 22 and later keep that.
module.enableCompileCache?.()

const { main } = await import('../dist/bundle/main.js')
await main(process.argv.slice(2))
