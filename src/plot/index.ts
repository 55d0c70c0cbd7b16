export { linePlot } from './line.js'
export type { PanelOptions as LinePlotOptions } from './panel.js'
export { type HistoryLike, type PlotOptions, plot } from './plot.js'
export type { Series } from './series.js'
