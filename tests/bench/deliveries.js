// What a delivery costs, and what readers cost to whom nothing comes: CPU time of the server, in turns with
// a second build, such as one of an earlier commit, under this project's load generator.
//   node tests/bench/deliveries.js [ROUNDS] [ROLE] [BINARY]     3 and dev by default
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { binary as ours, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { cpuSeconds, load, loadBinary } from "./systems.js"

const rounds = Number(process.argv[2] ?? 3)
const role = process.argv[3] ?? "dev"
const other = process.argv[4]
const builds = { "this build": ours, ...(other ? { "the other build": other } : {}) }
const readers = 10_000
const idleSeconds = 20
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

async function withServer(program, args, use) {
  const folder = scratchFolder()
  const server = await startServer([role, ...(role === "dev" ? [] : ["--data-dir", join(folder.path, "data")]), ...args], { program })
  try {
    return await use(server)
  } finally {
    await server.stop()
    folder.remove()
  }
}

/** Microseconds of each delivery. */
const delivery = (count, rate) => (program) =>
  withServer(program, [], async (server) => {
    const { cpu_seconds, measured, missing } = await load(["sse", "--readers", count, "--rate", rate, "--seconds", 5, "--warmup", 1], server)
    if (missing > 0) throw new Error(`${missing} events are missing`)
    return (cpu_seconds / measured) * 1e6
  })

/** Milliseconds of each second with many readers that wait. */
const idle = (args) => (program) =>
  withServer(program, args, async (server) => {
    const child = spawn(loadBinary, ["idle", "--connections", readers, "--mode", "sse", "--seconds", idleSeconds + 1, "--url", server.url].map(String), { stdio: ["ignore", "pipe", "inherit"] })
    const ended = once(child, "exit")
    const lines = createInterface({ input: child.stdout })
    await once(lines, "line")
    const before = cpuSeconds(server)
    await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000))
    const spent = cpuSeconds(server) - before
    const [result] = await once(lines, "line")
    await ended
    if (JSON.parse(result).lost_connections > 0) throw new Error(result)
    return (spent / idleSeconds) * 1e3
  })

const workloads = {
  "SSE, 100 readers, 200 events/s: us a delivery": delivery(100, 200),
  "SSE, 1,000 readers, 50 events/s: us a delivery": delivery(1000, 50),
  "SSE, 10,000 readers, 5 events/s: us a delivery": delivery(readers, 5),
  "10,000 idle SSE readers: ms a second": idle([]),
}
/** Only this build has the option for certain. */
const own = { "10,000 idle SSE readers, no keep-alive: ms a second": idle(["--sse-keepalive", "0s"]) }

const results = {}
for (let round = 0; round < rounds; round++) {
  for (const [workload, measure] of Object.entries({ ...workloads, ...own })) {
    for (const [name, program] of Object.entries(builds)) {
      if (name !== "this build" && workload in own) continue
      ;((results[workload] ??= {})[name] ??= []).push(await measure(program))
    }
  }
}
console.table(Object.entries(results).map(([workload, byBuild]) => ({ [role]: workload, ...Object.fromEntries(Object.entries(byBuild).map(([name, values]) => [name, +median(values).toFixed(2)])) })))
