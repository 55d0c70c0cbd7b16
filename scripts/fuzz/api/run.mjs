// Runs a program, a list of calls, and judges each: a sound result, a typed error, or the caller's own error.
import { Mine } from './junk.mjs'
import { problemOf } from './sound.mjs'
import { builder } from './values.mjs'

/** For results and errors of a run: what it answered, refused, or, in `problem`, did wrong. */
export function runner({ targets, modules }) {
  const lw = modules.lanewise
  const results = []
  const build = builder(modules, results)

  /** Undefined for an error that a caller may be shown. */
  function judge(error, call) {
    if (error instanceof Mine || error?.name === 'AbortError') return undefined
    if (error instanceof TypeError && /proxy that has been revoked|^Class constructors? /.test(error.message))
      return undefined
    if (!(error instanceof lw.LanewiseError))
      return `${call} threw ${String(error?.stack ?? error?.name ?? typeof error).slice(0, 1500)}`
    for (const part of ['op', 'expected', 'received'])
      if (typeof error[part] !== 'string' || error[part] === '')
        return `${call} threw an error with ${part} ${String(error[part])}`
    return undefined
  }

  function invoke(step, on, args) {
    if (step.call === '()') return typeof on === 'function' ? on(...args) : undefined
    if (step.call[0] === '#') {
      const key = step.call.slice(1)
      const known = targets.get(String(on?.constructor?.name) + step.call)
      return known?.Class && on instanceof known.Class ? on[key](...args) : undefined
    }
    const target = targets.get(step.call)
    if (target === undefined) return undefined
    if (target.construct) return new target.f(...args)
    if (target.f) return target.f(...args)
    if (!(on instanceof target.Class)) return undefined // a receiver that a step before should have made
    if (target.access === 'get') return on[target.key]
    if (target.access === 'set') on[target.key] = args[0]
    else return on[target.key](...args)
    return on
  }

  /** Floats of results that lead back to leaves get their derivative taken. */
  function backward(result) {
    if (!(result instanceof lw.Tensor) || result.node === undefined) return
    lw.backward(result.size === 1 ? result : lw.sum(result))
  }

  async function runStep(step, build) {
    const on = step.on === null ? undefined : build(step.on)
    const args = step.args.map(build)
    if (step.mode === 'noGrad') {
      const result = lw.noGrad(() => ({ inner: invoke(step, on, args) })).inner
      return { result: result instanceof Promise ? await settled(result) : result, args }
    }
    if (step.mode === 'record') {
      let result
      const tape = lw.record(() => {
        result = invoke(step, on, args)
        backward(result)
        if (result instanceof Promise) result.catch(() => {})
      })
      tape.replay(2)
      await tape.replayAsync(1)
      return { result, args }
    }
    let result = invoke(step, on, args)
    if (result instanceof Promise) result = await settled(result)
    if (step.mode === 'backward') backward(result)
    return { result, args }
  }

  /** A promise that the caller gave, and never settles, is the caller's. */
  async function settled(promise) {
    let timer
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, 3000)
    })
    const result = await Promise.race([promise, late])
    clearTimeout(timer)
    return result
  }

  return async (program) => {
    results.length = 0
    const outcomes = []
    for (const step of program) {
      try {
        const { result, args } = await runStep(step, build)
        const problem = problemOf(result, lw)
        if (problem) return { outcomes, problem: `${step.call} gave ${problem}` }
        results.push(result)
        outcomes.push({ result, args })
      } catch (error) {
        const problem = judge(error, step.call)
        if (problem) return { outcomes, problem }
        outcomes.push({ error })
      }
    }
    return { outcomes }
  }
}
