#!/usr/bin/env node
import module from 'node:module'
import v8 from 'node:v8'

// An audit is over before optimised code pays back: on Node 20, whose one optimising compiler is a slow one, compiling
// took a third of the CPU time. Only what is hottest is worth it. Later versions have a quick one as well, and no such flag.
if (Number.parseInt(process.versions.v8, 10) < 12) v8.setFlagsFromString('--interrupt-budget=2000000')
module.enableCompileCache?.()
await import('../dist/sallyport.js')
