// Writes docs/metrics.md from live scrapes of all roles:
//   node tests/docs/metrics.js > docs/metrics.md
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { makeAuthority } from "../harness/certificates.js"
import { startServer, startSplit } from "../harness/server.js"

/** Family name to type, help, labels, and the roles that have it. */
async function families() {
  const folder = mkdtempSync(join(tmpdir(), "ds-metrics-"))
  const found = new Map()
  const take = async (role, server) => {
    const text = await (await fetch(`${server.admin}/metrics`)).text()
    let current
    for (const line of text.split("\n")) {
      const meta = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line)
      if (meta) {
        const [, what, name, value] = meta
        if (!found.has(name)) found.set(name, { name, labels: new Set(), roles: new Set() })
        current = found.get(name)
        current[what.toLowerCase()] = value
        current.roles.add(role)
        continue
      }
      const labels = /^[a-z0-9_]+\{(.*)\} /.exec(line)
      if (labels) for (const [, label] of labels[1].matchAll(/([a-z_]+)="/g)) if (label !== "le") current.labels.add(label)
    }
  }
  try {
    const files = makeAuthority(folder).issue("server")
    const split = await startSplit(join(folder, "split"))
    const serve = await startServer(["serve", "--data-dir", join(folder, "data"), "--tls-cert", files.certificate, "--tls-key", files.key])
    // The count of streams is there when they are counted.
    await new Promise((resolve) => setTimeout(resolve, 300))
    await take("gateway", split.gateway)
    await take("storage", split.storage)
    await take("serve", serve)
    await serve.stop()
    await split.stop()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const sections = [
  ["HTTP", /^durable_streams_(http|loop|tls|auth|rate|shed|memory)/],
  ["Live delivery", /^durable_streams_(live|delivery|slow)/],
  ["Hop from gateway to storage", /^durable_streams_hop/],
  ["Streams and commits", /^durable_streams_(append|clock|producer|commit|deleted|limit|streams|forks|kept|open|cached|read|repacked|writes)/],
  ["Subscriptions", /^durable_streams_(subscription|webhook)/],
  ["RocksDB and disk", /^durable_streams_(rocksdb|disk)/],
  ["Process and health", /^(process_|durable_streams_(build|health|log))/],
]

export async function metrics() {
  const all = await families()
  const roles = ({ roles }) => (roles.has("gateway") && roles.has("storage") ? "all" : roles.has("gateway") ? "gateway" : roles.has("storage") ? "storage" : "with TLS")
  const row = (family) => `| \`${family.name}\` | ${family.type} | ${[...family.labels].sort().map((label) => `\`${label}\``).join(", ") || "–"} | ${roles(family)} | ${family.help} |`
  const tables = sections.map(([title, pattern]) => `## ${title}\n\n| metric | type | labels | where | meaning |\n|---|---|---|---|---|\n${all.filter(({ name }) => pattern.test(name)).map(row).join("\n")}\n`)
  const rest = all.filter(({ name }) => !sections.some(([, pattern]) => pattern.test(name)))
  if (rest.length > 0) throw new Error(`no section for ${rest.map(({ name }) => name)}`)
  return `# Metrics

Every role serves its metrics in Prometheus' text format on its admin listener, by default
http://127.0.0.1:9464/metrics (\`--admin-listen\`). \`serve\` and \`dev\` have those of a gateway and of a storage, but
for the hop. No label takes values that clients choose. Alert rules are in
\`deploy/helm/durable-streams/files/alerts.yaml\`, with their runbooks in [operations.md](operations.md); a Grafana dashboard is beside them.

This page is made from live scrapes.

${tables.join("\n")}`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(await metrics())
