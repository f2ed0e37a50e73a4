import type { HttpOptions } from '../options.ts'
import { page, type Route } from './route.ts'

/** What is here, for someone who opens the address in a browser. Asks nothing of anybody else. */
export function indexRoutes({ version, externalPath, paths }: HttpOptions): Route[] {
  const links: [path: string, what: string][] = [
    [paths.metrics, 'everything pushed'],
    [paths.telemetry, 'metrics about this server'],
    ['/api/v1/status', 'how this server is set up and how its store is, as JSON'],
    ['/api/v1/metrics', 'everything pushed, as JSON'],
    ['/-/healthy', 'is the process alive'],
    ['/-/ready', 'can it take pushes'],
  ]
  const items = links.map(([path, what]) => {
    const href = escapeHtml(externalPath + path)
    return `<li><a href="${href}">${href}</a> ${what}</li>\n`
  })
  const html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="robots" content="noindex,nofollow">
<meta name="viewport" content="width=device-width">
<title>pgr</title>
</head>
<body>
<h1>pgr ${escapeHtml(version)}</h1>
<p>Push metrics with PUT or POST to ${escapeHtml(externalPath)}/metrics/job/&lt;job&gt;, or with POST to ${escapeHtml(externalPath + paths.ingest)}; remote write to ${escapeHtml(externalPath)}/api/v1/write, OTLP metrics to ${escapeHtml(externalPath)}/v1/metrics.</p>
<ul>
${items.join('')}</ul>
</body>
</html>
`
  return [
    page(
      '/',
      (_request, reply) =>
        reply
          .type('text/html; charset=utf-8')
          .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
          .header('x-content-type-options', 'nosniff')
          .send(html),
      {
        summary: 'Show a page with links',
        answers: { 200: { description: 'The page.', types: ['text/html'] } },
      },
      'status',
    ),
  ]
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
