// Runs the benchmarks and writes docs/benchmarks/: results.json, README.md with the tables, plots.
//   tests/bench/run [--seconds N] [--rounds N] [WORKLOAD…]
// Every workload runs on all its systems in turn, `rounds` times; the figures are medians of the
// rounds, so that a busy moment of the machine does not decide.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { cpus, release } from "node:os"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { scratchFolder } from "../harness/setups.js"
import { report } from "./report.js"
import { load, loadBinary, memoryKiB, systems } from "./systems.js"
import { workloads } from "./workloads.js"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "4" }, rounds: { type: "string", default: "3" }, out: { type: "string", default: join(root, "docs", "benchmarks") } },
})
const seconds = Number(values.seconds)
const names = positionals.length > 0 ? positionals : Object.keys(workloads)
for (const name of names) {
  if (!(name in workloads)) {
    console.error(`no workload ${name}; there are: ${Object.keys(workloads).join(", ")}`)
    process.exit(2)
  }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** Resident memory before and with the connections open. */
async function runIdle(system, args) {
  const before = memoryKiB(system).resident
  const child = spawn(loadBinary, [...args, "--url", system.url, "--seconds", 3].map(String), { stdio: ["ignore", "pipe", "inherit"] })
  const lines = createInterface({ input: child.stdout })
  const [ready] = await once(lines, "line")
  if (ready !== "ready") throw new Error(`idle: ${ready}`)
  const open = memoryKiB(system).resident
  const [result] = await once(lines, "line")
  await once(child, "exit")
  const { connections, lost_connections } = JSON.parse(result)
  return { kib_per_connection: (open - before) / connections, connections, lost_connections }
}

async function runOnce(name, systemName) {
  const workload = workloads[name]
  const folder = scratchFolder()
  const system = await systems[systemName](folder.path, { body: workload.body })
  try {
    if (workload.idle) return await runIdle(system, workload.args)
    const result = await load([...workload.args, "--seconds", seconds, "--warmup", workload.warmup ?? 1], system)
    const count = result[workload.operations]
    return { ...result, cpu_us: count > 0 ? (result.cpu_seconds / count) * 1e6 : 0, peak_mib: memoryKiB(system).peak / 1024 }
  } finally {
    await system.stop()
    folder.remove()
  }
}

const results = {}
for (const name of names) {
  const { title, systems: on } = workloads[name]
  console.log(`${name}: ${title}`)
  const rounds = Object.fromEntries(on.map((system) => [system, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const system of on) rounds[system].push(await runOnce(name, system))
  }
  results[name] = {}
  for (const system of on) {
    const fields = Object.keys(rounds[system][0])
    results[name][system] = Object.fromEntries(fields.map((field) => [field, median(rounds[system].map((result) => result[field]))]))
    // What must not happen must not happen in any round.
    for (const field of ["errors", "missing", "disordered", "lost_connections"]) {
      if (field in results[name][system]) results[name][system][field] = Math.max(...rounds[system].map((result) => result[field]))
    }
    const { per_second, cpu_us, p50_ms, p99_ms, errors = 0, missing = 0, kib_per_connection } = results[name][system]
    console.log(`  ${system.padEnd(18)} ${kib_per_connection !== undefined ? `${kib_per_connection.toFixed(2)} KiB a connection` : `${per_second ? `${Math.round(per_second)}/s  ` : ""}CPU ${cpu_us.toFixed(1)} us  p50 ${p50_ms} ms  p99 ${p99_ms} ms  errors ${errors}  missing ${missing}`}`)
  }
}

mkdirSync(values.out, { recursive: true })
const file = join(values.out, "results.json")
let kept = {}
try {
  if (positionals.length > 0) kept = JSON.parse(readFileSync(file, "utf8")).results
} catch {
  // The first run.
}
const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root }).stdout.toString().trim()
const document = { commit, kernel: release(), cores: cpus().length, cpu: cpus()[0].model, seconds, rounds: Number(values.rounds), results: { ...kept, ...results } }
writeFileSync(file, JSON.stringify(document, null, 1) + "\n")
report(document, values.out)
console.log(`written to ${values.out}`)
