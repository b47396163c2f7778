#!/usr/bin/env node
import module from 'node:module'
import v8 from 'node:v8'

// An audit is over before optimised code pays back: compiling it took a third of the CPU time. Only what is hottest is worth it.
v8.setFlagsFromString('--interrupt-budget=1000000')
module.enableCompileCache?.()
await import('../dist/sallyport.js')
