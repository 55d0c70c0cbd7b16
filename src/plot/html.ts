import { evenPlaces } from './axis.js'
import type { HistoryLike, Numbers } from './series.js'
import { escapeXml, formatValue, humanize } from './text.js'

const MAX_ROWS = 1000

/** A page on its own: the figure and a table of the values, nothing loaded from elsewhere. */
export function makePage(title: string, svg: string, history: HistoryLike): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>
body{margin:24px auto;max-width:1700px;padding:0 16px;background:#fff;color:#222}
body{font:14px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}
svg{max-width:100%;height:auto}
table{border-collapse:collapse;margin:16px 20px;font-variant-numeric:tabular-nums}
caption{text-align:left;color:#555;padding:4px 0}
th,td{padding:4px 14px;text-align:right;border-bottom:1px solid #e6e6e6}
thead th{border-bottom:2px solid #666}
</style>
</head>
<body>
${svg}${makeTable(history)}
</body>
</html>
`
}

function makeTable({ epoch, history, steps = {} }: HistoryLike): string {
  if (Object.values(history).some((list) => list.length > 0)) return table('Epoch', history, (i) => epoch[i] ?? i + 1)
  return table('Step', steps, (i) => i + 1)
}

function table(head: string, lists: Readonly<Record<string, Numbers>>, label: (row: number) => number): string {
  const names = Object.keys(lists)
  const length = Math.max(...names.map((name) => lists[name].length))
  const chosen = evenPlaces(length, MAX_ROWS)
  const cells = (row: number) => names.map((name) => `<td>${formatValue(lists[name][row])}</td>`).join('')
  const heads = names.map((name) => `<th scope="col">${escapeXml(humanize(name))}</th>`).join('')
  const rows = chosen.map((row) => `<tr><th scope="row">${escapeXml(label(row))}</th>${cells(row)}</tr>`)
  const caption =
    chosen.length < length ? `<caption>${chosen.length} of ${length} ${head.toLowerCase()}s</caption>\n` : ''
  return `<table>
${caption}<thead><tr><th scope="col">${head}</th>${heads}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`
}
