export { resolve } from 'node-gyp-build'
