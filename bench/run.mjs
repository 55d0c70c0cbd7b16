// The project's own benchmarks. usage: npm run --silent bench -- SUITE [options], see USAGE in lib/options.mjs; README.md
// beside this file says what each measures and how to read it.
import { parse, USAGE, UsageError } from './lib/options.mjs'

async function main(argv) {
  const options = parse(argv)
  if (options.help) {
    console.log(USAGE)
    return
  }
  // Before the first use of lanewise, which reads it once.
  if (options.threads !== undefined) process.env.LANEWISE_THREADS = String(options.threads)
  const [{ Report }, { measureLimits }, { run }] = await Promise.all([
    import('./lib/report.mjs'),
    import('./lib/limits.mjs'),
    import(`./suites/${options.suite}.mjs`),
  ])
  const report = new Report(options)
  report.begin()
  const limits = await measureLimits(options, report)
  await run({ options, report, limits })
  report.end()
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  // A LANEWISE_… that cannot be met is a mistake of the same kind.
  if (!(error instanceof UsageError) && error.name !== 'BackendError') throw error
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
}
