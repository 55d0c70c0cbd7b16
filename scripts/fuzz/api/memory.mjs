/** From now on larger blocks of memory cannot be had, as on a machine that has no more; the error is V8's own. */
export function limitMemory(megabytes) {
  const limit = megabytes * 2 ** 20
  for (const name of ['SharedArrayBuffer', 'ArrayBuffer']) {
    globalThis[name] = new Proxy(globalThis[name], {
      construct(Buffer, args, newTarget) {
        if (args[0] > limit) throw new RangeError('Array buffer allocation failed')
        return Reflect.construct(Buffer, args, newTarget)
      },
    })
  }
}
