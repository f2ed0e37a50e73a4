import Plot from 'uplot'

export const used = Plot
