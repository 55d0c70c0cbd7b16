import type cliProgress from 'cli-progress'
// @ts-expect-error: its own types describe the whole library, of which this is the part that is used
import Bar from 'cli-progress/lib/single-bar.js'

export const SingleBar: typeof cliProgress.SingleBar = Bar
