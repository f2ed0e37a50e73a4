import 'uplot/dist/uPlot.min.css'
import Plot from 'uplot'

/** Apart from everything else, so that it is fetched when something is to be drawn. */
export { Plot }
