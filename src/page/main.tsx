import { render } from 'preact'
import { App } from './app.tsx'
import { watchStatus } from './state/status.ts'

watchStatus()
const root = document.getElementById('page')
if (root !== null) render(<App />, root)
