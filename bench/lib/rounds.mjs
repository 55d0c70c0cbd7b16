// Measurements in processes of their own, taking turns: what slows the machine for a while slows all of them alike.
import { spawn } from 'node:child_process'
import { summarize } from './measure.mjs'

const LIMIT_MS = 600_000

/** Runs a program that prints a JSON object as its last line; the object, or { error }. */
export function runJson(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: merged(env), stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
    const text = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text.out += part
    })
    child.stderr.setEncoding('utf8').on('data', (part) => {
      text.err += part
    })
    const timer = setTimeout(() => child.kill(), LIMIT_MS)
    child.on('error', (error) => {
      clearTimeout(timer)
      resolve({ error: error.message })
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve(lastObject(text.out) ?? { error: reason(text.err) ?? `it ended with ${signal ?? code} and no figures` })
    })
  })
}

/** undefined takes a variable away. */
function merged(env) {
  const all = { ...process.env, ...env }
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete all[name]
  return all
}

function lastObject(out) {
  for (const line of out.trim().split('\n').reverse()) {
    try {
      const value = JSON.parse(line)
      if (typeof value === 'object' && value !== null) return value
    } catch {
      // A line for people.
    }
  }
  return undefined
}

/** The line of an error message that says most: the last with an error's name in it. */
function reason(err) {
  const lines = err.trim().split('\n')
  return (lines.filter((line) => /^\S*(Error|Exception)\b.*:/.test(line)).at(-1) ?? lines.at(-1)) || undefined
}

/**
 * Runs each entry's `measure()` once a round, in turn. One that gives an error does not come again.
 * @returns for each entry { result: its last answer, rate: statistics of its samplesPerSec }, or { error }
 */
export async function takeTurns(entries, rounds, progress = () => {}) {
  const states = entries.map((entry) => ({ entry, rates: [], result: undefined, error: undefined }))
  for (let round = 1; round <= rounds; round++) {
    for (const state of states) {
      if (state.error !== undefined) continue
      progress(round, state.entry)
      const result = await state.entry.measure()
      if (result.error !== undefined) state.error = result.error
      else {
        state.result = result
        state.rates.push(result.samplesPerSec)
      }
    }
  }
  return Promise.all(
    states.map(async ({ entry, rates, result, error }) =>
      error === undefined ? { entry, result, rate: await summarize(rates) } : { entry, error },
    ),
  )
}
