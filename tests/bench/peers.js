// Appends beside the reference server with a load generator that is nobody's own (wrk), in one run:
// rate, latency and the server's CPU time per append.
//   node tests/bench/peers.js [SECONDS]     5 by default, for each system and workload
// wrk drives every system with the same 64 connections and 100 B bodies.
import { spawnSync } from "node:child_process"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { scratchFolder } from "../harness/setups.js"
import { cpuSeconds, systems } from "./systems.js"

const here = dirname(fileURLToPath(import.meta.url))
const seconds = Number(process.argv[2] ?? 5)

async function createStreams(url, count) {
  for (let i = 0; i < count; i++) {
    const response = await fetch(`${url}bench/${i}`, { method: "PUT", headers: { "content-type": "application/octet-stream" } })
    if (!response.ok) throw new Error(`cannot create a stream: ${response.status}`)
    await response.arrayBuffer()
  }
}

function wrk(url, duration, streams) {
  const result = spawnSync("wrk", ["-t2", "-c64", `-d${duration}s`, "--timeout", "10s", "-s", join(here, "append.lua"), new URL(url).origin, "--", String(streams), "100"])
  const found = /RESULT (.*)/.exec(result.stdout.toString())
  if (!found) throw new Error(`wrk: ${result.stderr}`)
  return JSON.parse(found[1])
}

const rows = []
for (const streams of [1, 1000]) {
  for (const name of ["dev", "reference, memory", "serve", "reference, file"]) {
    const folder = scratchFolder()
    const server = await systems[name](folder.path)
    try {
      await createStreams(server.url, streams)
      wrk(server.url, 1, streams)
      const before = cpuSeconds(server)
      const { requests, seconds: took, errors, p50_ms, p99_ms } = wrk(server.url, seconds, streams)
      const cpu = cpuSeconds(server) - before
      // The reference's file store refuses part of the appends under this load; those are no appends.
      const appends = requests - errors
      rows.push({ system: name, streams, "appends/s": Math.round(appends / took), "CPU us": +((cpu / appends) * 1e6).toFixed(1), "p50 ms": p50_ms, "p99 ms": p99_ms, errors })
    } finally {
      await server.stop()
      folder.remove()
    }
  }
}

console.table(rows)
const rate = (system, streams) => rows.find((row) => row.system === system && row.streams === streams)["appends/s"]
for (const streams of [1, 1000]) {
  console.log(`${streams} stream(s): in memory ${(rate("dev", streams) / rate("reference, memory", streams)).toFixed(1)} times, on disk ${(rate("serve", streams) / rate("reference, file", streams)).toFixed(1)} times the reference's rate`)
}
