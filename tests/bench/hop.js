// What the hop adds to the median latency of a lone append. All systems are up and take turns second by
// second, so that a change of the machine's mood does not look like one of theirs.
//   node tests/bench/hop.js [ROUNDS]     10 by default
import { startServer, startSplit } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { load } from "./systems.js"

const rounds = Number(process.argv[2] ?? 10)
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

const folders = { serve: scratchFolder(), tcp: scratchFolder(), unix: scratchFolder() }
const socket = `unix:${folders.unix.path}/socket`
const systems = {
  serve: await startServer(["serve", "--data-dir", folders.serve.path]),
  tcp: await startSplit(folders.tcp.path),
  unix: await startSplit(`${folders.unix.path}/data`, [], ["--listen", socket]),
}
const times = { serve: [], tcp: [], unix: [] }
for (let round = 0; round < rounds; round++) {
  for (const [name, system] of Object.entries(systems)) {
    times[name].push((await load(["append", "--connections", 1, "--seconds", 1, "--warmup", 0.2], system)).p50_ms)
  }
}
const serve = median(times.serve)
for (const name of ["tcp", "unix"]) {
  console.log(`serve ${serve} ms, gateway+storage over ${name} ${median(times[name])} ms: ${Math.round((median(times[name]) - serve) * 1000)} us more`)
}
for (const system of Object.values(systems)) await system.stop()
for (const folder of Object.values(folders)) folder.remove()
