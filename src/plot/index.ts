export { type Bar, type BarPlotOptions, barPlot } from './bar.js'
export { linePlot } from './line.js'
export { type PlotOptions, plot } from './plot.js'
export type { HistoryLike, Numbers, PanelOptions as LinePlotOptions, Series } from './series.js'
