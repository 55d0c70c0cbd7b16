#!/usr/bin/env node
import { backendInfo, LanewiseError } from '../index.js'
import { version } from '../version.js'
import { BENCH_USAGE, bench } from './bench.js'
import { main as mnist } from './mnist.js'
import { outlastReader, parseOptions, UsageError } from './options.js'

const USAGE = `usage: lanewise COMMAND [options]
  info [--json]     version, backend and why, instruction set, threads, the addon's file
  mnist [options]   trains 784-50-10 on MNIST (lanewise mnist --help)
  bench [options]   native code against JavaScript on your machine (lanewise bench --help)`

function info(argv: string[]): void {
  const { values } = parseOptions({
    args: argv,
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    strict: true,
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const all = { version, ...backendInfo(), node: process.version, platform: `${process.platform}-${process.arch}` }
  if (values.json) {
    console.log(JSON.stringify(all))
    return
  }
  const { backend, reason, isa, threads, cpu, binary } = all
  const lines = {
    version,
    backend: `${backend} (${reason})`,
    'instruction set': isa,
    threads,
    cpu,
    addon: binary ?? 'none',
  }
  for (const [name, value] of Object.entries(lines)) console.log(`${name.padEnd(16)} ${value}`)
  console.log(`${'on'.padEnd(16)} Node ${all.node}, ${all.platform}`)
}

/** Ends with 2 for a call that is not understood (of mnist 1), 1 for work that failed. */
async function main([command, ...rest]: string[]): Promise<void> {
  outlastReader()
  try {
    if (command === 'info') info(rest)
    else if (command === 'mnist') await mnist(rest, 'lanewise mnist')
    else if (command === 'bench') await bench(rest)
    else if (command === '--version' || command === '-v') console.log(version)
    else if (command === '--help' || command === '-h' || command === 'help') console.log(`${USAGE}\n\n${BENCH_USAGE}`)
    else {
      console.error(command === undefined ? USAGE : `lanewise: no command ${JSON.stringify(command)}\n${USAGE}`)
      process.exitCode = 2
    }
  } catch (error) {
    const usage = error instanceof UsageError
    if (!usage && !(error instanceof LanewiseError)) throw error
    console.error(`lanewise: ${(error as Error).message.split('\n')[0]}`)
    process.exitCode = usage ? 2 : 1
  }
}

if (require.main === module) main(process.argv.slice(2))
