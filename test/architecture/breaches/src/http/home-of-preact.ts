import { render } from 'preact'

export const used = render
