// What a catch-up read costs: CPU time of the server (gateway and storage together), in turns with a
// second build, such as one of an earlier commit, under one load generator (h2load).
//   node tests/bench/reads.js [ROUNDS] [ROLE] [BINARY]     5 and dev by default; ROLE gateway is gateway and storage
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { binary as ours, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams } from "../harness/streams.js"
import { cpuSeconds } from "./systems.js"

const rounds = Number(process.argv[2] ?? 5)
const role = process.argv[3] ?? "dev"
const builds = { "this build": ours, ...(process.argv[4] ? { "the other build": process.argv[4] } : {}) }
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
const folder = scratchFolder()

async function start(name, program) {
  const data = join(folder.path, name.replaceAll(" ", "-"))
  if (role === "dev") return [await startServer(["dev"], { program })]
  if (role === "serve") return [await startServer(["serve", "--data-dir", data], { program })]
  const storage = await startServer(["storage", "--data-dir", data], { program })
  return [await startServer(["gateway", "--storage", storage.url], { program }), storage]
}

const token = (i) => `{"type":"token","index":${i},"delta":" word${(i * 7919) % 1000}"}`
const bodies = {
  small: ["text/plain", "x".repeat(100)],
  large: ["text/plain", "x".repeat(100_000)],
  json: ["application/json", `[${Array.from({ length: 1500 }, (_, i) => token(i)).join(",")}]`],
}
/** Path, headers, requests; `unchanged` asks with the entity tag that there is. */
const workloads = {
  "100 B": { path: "small", count: 100_000 },
  "100 B, unchanged: 304": { path: "small", count: 100_000, unchanged: true },
  "100 B, from a browser (gzip, deflate, br, zstd)": { path: "small", count: 100_000, headers: { "accept-encoding": "gzip, deflate, br, zstd" } },
  "100 KB": { path: "large", count: 30_000 },
  "100 KB, unchanged: 304": { path: "large", count: 100_000, unchanged: true },
  "66 KB of JSON": { path: "json", count: 30_000 },
  "66 KB of JSON, gzip": { path: "json", count: 3_000, headers: { "accept-encoding": "gzip" } },
  "66 KB of JSON, br": { path: "json", count: 3_000, headers: { "accept-encoding": "br" } },
  "66 KB of JSON, zstd": { path: "json", count: 3_000, headers: { "accept-encoding": "zstd" } },
}

const servers = {}
for (const [name, binary] of Object.entries(builds)) {
  const processes = await start(name, binary)
  servers[name] = { url: processes[0].url, pids: processes.map(({ pid }) => pid), stop: async () => {
      for (const process of processes) await process.stop()
    } }
  for (const [path, [type, body]] of Object.entries(bodies)) await streams(servers[name].url).create(path, { type, body })
}

async function measure(server, { path, count, headers = {}, unchanged }) {
  const url = `${server.url}${path}?offset=-1`
  const all = { ...headers }
  if (unchanged) all["if-none-match"] = (await fetch(url, { headers: { "accept-encoding": "identity" } })).headers.get("etag")
  const lines = Object.entries(all).flatMap(([name, value]) => ["-H", `${name}: ${value}`])
  const load = (requests) => {
    const result = spawnSync("h2load", ["--h1", "-c", "32", "-m", "1", "-n", String(requests), ...lines, url])
    const text = String(result.stdout)
    const good = Number((unchanged ? /(\d+) 3xx/ : /(\d+) 2xx/).exec(text)?.[1])
    if (good !== requests) throw new Error(`h2load: ${text}${result.stderr}`)
    return Number(/([\d.]+) req\/s/.exec(text)[1])
  }
  load(Math.ceil(count / 20))
  const before = cpuSeconds(server)
  const rate = load(count)
  return { cpu: ((cpuSeconds(server) - before) / count) * 1e6, rate }
}

const results = {}
for (let round = 0; round < rounds; round++) {
  for (const [workload, settings] of Object.entries(workloads)) {
    for (const [name, server] of Object.entries(servers)) ((results[workload] ??= {})[name] ??= []).push(await measure(server, settings))
  }
}
for (const server of Object.values(servers)) await server.stop()
folder.remove()
console.table(
  Object.entries(results).map(([workload, byBuild]) => {
    const row = { [`${role}, reads of`]: workload }
    for (const [name, runs] of Object.entries(byBuild)) {
      row[`CPU us, ${name}`] = +median(runs.map(({ cpu }) => cpu)).toFixed(2)
      row[`reads/s, ${name}`] = Math.round(median(runs.map(({ rate }) => rate)))
    }
    return row
  }),
)
