declare module 'node-gyp-build' {
  /** Loads the addon of the package in `dir`: prebuilds/ or build/. */
  function load(dir: string): unknown
  namespace load {
    /** The file it would load; throws if there is none. */
    function resolve(dir: string): string
  }
  export = load
}
