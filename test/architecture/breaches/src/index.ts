export { used } from './app.ts'
