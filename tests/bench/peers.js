// Appends beside the reference server, in one run: rate, latency and the server's CPU time per request.
//   node tests/bench/peers.js [SECONDS]     5 by default, for each system and workload
// wrk drives every system with the same 64 connections and 100 B bodies. CPU is that of the server's
// process, per append.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { startServer } from "../harness/server.js"

const here = dirname(fileURLToPath(import.meta.url))
const seconds = Number(process.argv[2] ?? 5)
const scratch = mkdtempSync(join(tmpdir(), "ds-bench-"))

async function startReference(...args) {
  const child = spawn(process.execPath, [join(here, "reference_server.js"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_ENV: "production" },
  })
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /is serving (\S+)/.exec(line)
      if (found) resolve(found[1])
    })
    child.once("exit", () => reject(new Error("the reference server ended")))
  })
  return {
    pid: child.pid,
    url,
    stop: async () => {
      child.kill("SIGTERM")
      await once(child, "exit")
    },
  }
}

const systems = {
  "dev": () => startServer(["dev"]),
  "reference, memory": () => startReference(),
  "serve": () => startServer(["serve", "--data-dir", join(scratch, "serve")]),
  "reference, file": () => startReference(join(scratch, "reference")),
}

/** User and system time of a process, in seconds. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}

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
  for (const [name, start] of Object.entries(systems)) {
    const server = await start()
    try {
      await createStreams(server.url, streams)
      wrk(server.url, 1, streams)
      const before = cpuSeconds(server.pid)
      const { requests, seconds: took, errors, p50_ms, p99_ms } = wrk(server.url, seconds, streams)
      const cpu = cpuSeconds(server.pid) - before
      // The reference's file store refuses part of the appends under this load; those are no appends.
      const appends = requests - errors
      rows.push({ system: name, streams, "appends/s": Math.round(appends / took), "CPU us": +((cpu / appends) * 1e6).toFixed(1), "p50 ms": p50_ms, "p99 ms": p99_ms, errors })
    } finally {
      await server.stop()
    }
  }
}
rmSync(scratch, { recursive: true, force: true })

console.table(rows)
const rate = (system, streams) => rows.find((row) => row.system === system && row.streams === streams)["appends/s"]
for (const streams of [1, 1000]) {
  console.log(`${streams} stream(s): in memory ${(rate("dev", streams) / rate("reference, memory", streams)).toFixed(1)} times, ` + `on disk ${(rate("serve", streams) / rate("reference, file", streams)).toFixed(1)} times the reference's rate`)
}
