export { type Bar, type BarPlotOptions, barPlot } from './bar.js'
export { linePlot } from './line.js'
export { type HistoryLike, type PlotOptions, plot } from './plot.js'
export type { PanelOptions as LinePlotOptions, Series } from './series.js'
