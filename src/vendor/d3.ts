// What is used of libraries; scripts/build-ts.mjs puts their code in dist/vendor, so that an installed lanewise needs no other
// package.
export { scaleLinear, scaleLog } from 'd3-scale'
export { line } from 'd3-shape'
