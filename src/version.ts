/** The package's version; an addon of another one is not used. */
export const version: string = require('../package.json').version
