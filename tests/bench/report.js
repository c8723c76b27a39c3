// The tables and plots of a benchmark run.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { workloads } from "./workloads.js"

const number = (value) => (value === undefined ? "–" : value >= 100 ? Math.round(value).toLocaleString("en-US") : value >= 10 ? value.toFixed(1) : value.toFixed(2))

function table(name, results, limit) {
  const { idle } = workloads[name]
  if (idle) {
    const rows = Object.entries(results).map(([system, result]) => `| ${system} | ${number(result.kib_per_connection)} | ${result.lost_connections} |`)
    return ["| system | KiB per connection | lost |", "|---|---|---|", ...rows].join("\n")
  }
  const live = "deliveries" in Object.values(results)[0]
  const peers = results["reference, memory"]
  const rows = Object.entries(results).map(([system, result]) => {
    const first = live ? `${number(result.deliveries)} | ${result.missing}` : `${number(result.per_second)} | ${result.errors ?? 0}`
    const toPeer = peers && !live && peers.per_second ? `${number(result.per_second / peers.per_second)}` : "–"
    const toLimit = limit && limit.cpu_us ? number(result.cpu_us / limit.cpu_us) : "–"
    return `| ${system} | ${first} | ${toPeer} | ${number(result.cpu_us)} | ${toLimit} | ${number(result.p50_ms)} | ${number(result.p99_ms)} | ${number(result.max_ms)} | ${number(result.peak_mib)} |`
  })
  const head = live ? "deliveries | missing" : "rate/s | errors"
  return [`| system | ${head} | rate to reference in memory | CPU us | CPU to control | median ms | p99 ms | max ms | peak MiB |`, "|---|---|---|---|---|---|---|---|---|---|", ...rows].join("\n")
}

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

/** Horizontal bars, one per system. */
function bars(title, unit, values) {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  const largest = Math.max(...entries.map(([, value]) => value))
  const height = 40 + entries.length * 26
  const rows = entries.map(([system, value], i) => {
    const y = 34 + i * 26
    const width = Math.max(1, (value / largest) * 380)
    const fill = system.startsWith("reference") ? "#b0b0b0" : system.startsWith("control") ? "#d8c48a" : "#3b7dd8"
    return `<text x="150" y="${y + 14}" text-anchor="end">${escape(system)}</text><rect x="158" y="${y}" width="${width.toFixed(1)}" height="18" fill="${fill}"/><text x="${(164 + width).toFixed(1)}" y="${y + 14}">${number(value)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="${height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/><text x="8" y="18" font-size="14">${escape(title)} (${unit})</text>${rows.join("")}</svg>\n`
}

/** Writes README.md and a plot per workload into `folder`. */
export function report({ commit, kernel, cores, cpu, seconds, rounds, results }, folder) {
  const parts = [
    "# Benchmarks",
    "",
    `Commit ${commit}, Linux ${kernel}, ${cores} cores (${cpu}), which the load generator shares; 64 connections`,
    `unless said; ${seconds} s a run, medians of ${rounds} rounds in which the systems took turns. The reference is`,
    "`@durable-streams/server` 0.3.7; the control answers fixed bytes and is the limit of the machine (synced: it",
    "writes and syncs what arrives together). CPU is the server processes', per request or delivery.",
    "",
    "```",
    "tests/bench/run",
    "```",
  ]
  for (const [name, result] of Object.entries(results)) {
    if (!(name in workloads)) continue
    const { title, idle } = workloads[name]
    parts.push("", `## ${title}`, "", table(name, result, result["control"]))
    if (idle) continue
    const live = "deliveries" in Object.values(result)[0]
    const field = live ? "cpu_us" : name.startsWith("latency") || name === "long-poll" ? "p50_ms" : "per_second"
    const unit = { cpu_us: "CPU us per delivery", p50_ms: "median ms", per_second: "per second" }[field]
    writeFileSync(join(folder, `${name}.svg`), bars(title, unit, Object.fromEntries(Object.entries(result).map(([system, values]) => [system, values[field]]))))
    parts.push("", `![${title}](${name}.svg)`)
  }
  writeFileSync(join(folder, "README.md"), parts.join("\n") + "\n")
}
