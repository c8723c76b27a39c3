// The systems that the benchmarks compare: each starts on loopback, has a URL and the processes whose
// CPU time and memory count.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { cpus } from "node:os"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { startServer, startSplit } from "../harness/server.js"

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(dirname(here))
export const loadBinary = join(root, "bazel-bin", "tests", "bench", "load", "load")
const controlBinary = join(root, "bazel-bin", "tests", "bench", "load", "control")

/** A program that prints a line with "is serving URL". */
async function startOther(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_ENV: "production" } })
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /is serving (\S+)/.exec(line)
      if (found) resolve(found[1])
    })
    child.once("exit", () => reject(new Error(`${command} ended`)))
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

/** Name and start function of each; `folder` is empty and the system's own. */
export const systems = {
  "dev": () => startServer(["dev"]),
  "serve": (folder) => startServer(["serve", "--data-dir", folder]),
  "gateway+storage": async (folder) => {
    const split = await startSplit(folder)
    return { ...split, pids: [split.gateway.pid, split.storage.pid] }
  },
  "reference, memory": () => startOther(process.execPath, [join(here, "reference_server.js")]),
  "reference, file": (folder) => startOther(process.execPath, [join(here, "reference_server.js"), folder]),
  "control": (_folder, { body = 0 } = {}) => startOther(controlBinary, ["--body", String(body)]),
  "control, a loop per core": (_folder, { body = 0 } = {}) => startOther(controlBinary, ["--body", String(body), "--threads", String(cpus().length)]),
  "control, synced": (folder) => startOther(controlBinary, ["--sync", join(folder, "control")]),
}

/** User and system time of a system's processes so far, in seconds. */
export function cpuSeconds(system) {
  let ticks = 0
  for (const pid of system.pids ?? [system.pid]) {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ")
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / 100
}

/** Resident memory of a system's processes, in KiB: now, and at most so far. */
export function memoryKiB(system) {
  let resident = 0
  let peak = 0
  for (const pid of system.pids ?? [system.pid]) {
    const status = readFileSync(`/proc/${pid}/status`, "utf8")
    resident += Number(/VmRSS:\s+(\d+)/.exec(status)[1])
    peak += Number(/VmHWM:\s+(\d+)/.exec(status)[1])
  }
  return { resident, peak }
}

/** Runs the load generator to its end: what it printed, parsed, and `cpu_seconds`, the CPU time that
 * the system took in the meantime, from where it measures to where it has measured. */
export async function load(args, system) {
  const child = spawn(loadBinary, [...args, "--url", system.url].map(String), { stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(child, "exit")
  const cpu = {}
  let last
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "measuring" || line === "measured") cpu[line] = cpuSeconds(system)
    last = line
  }
  const [code] = await ended
  if (code !== 0) throw new Error(`load ${args.join(" ")}: exit code ${code}`)
  return { ...JSON.parse(last), cpu_seconds: cpu.measured - cpu.measuring }
}
