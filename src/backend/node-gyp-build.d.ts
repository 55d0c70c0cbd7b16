declare module 'node-gyp-build' {
  /** The addon of the package in `dir`, in prebuilds/ or build/; throws if there is none. */
  export function resolve(dir: string): string
}
