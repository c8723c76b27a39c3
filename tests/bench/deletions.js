// What the end of many streams costs: deletions per second, from the first to the last, and the latency
// of appends to other streams beside them, and beside streams that all expire at once.
//   node tests/bench/deletions.js [ROLE] [N…]      serve, 10,000 and 100,000 by default
// The streams are on disk and not in memory: the server is started anew between making and ending them.
import { scratchFolder } from "../harness/setups.js"
import { startServer } from "../harness/server.js"
import { load } from "./systems.js"

const role = process.argv[2] ?? "serve"
const counts = process.argv.length > 3 ? process.argv.slice(3).map(Number) : [10_000, 100_000]
const expiring = 30_000

const withServer = async (folder, use) => {
  const server = await startServer([role, "--data-dir", folder.path])
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}
const print = (what, { p50_ms, p99_ms, max_ms, per_second, first_tenth_per_second, last_tenth_per_second, deleted, cpu_seconds, errors = 0, append_errors }) => {
  const rates = deleted ? `${per_second} deletions/s, first tenth ${first_tenth_per_second}, last ${last_tenth_per_second}, ${((cpu_seconds / deleted) * 1e6).toFixed(1)} us CPU each; ` : ""
  console.log(`${what}: ${rates}appends p50 ${p50_ms} ms, p99 ${p99_ms} ms, at most ${max_ms} ms; ${errors + append_errors} errors`)
}
/** Deleted streams whose data is still on disk. */
const waiting = async (server) => Number(/^durable_streams_deleted_streams_waiting (\d+)/m.exec(await (await fetch(`${server.admin}/metrics`)).text())?.[1])

for (const count of counts) {
  const folder = scratchFolder()
  await withServer(folder, (server) => load(["make", "--count", count], server))
  await withServer(folder, async (server) => {
    print("no deletions", await load(["beside", "--seconds", 3], server))
    print(`${count} deletions`, await load(["delete", "--count", count], server))
    const begun = performance.now()
    while ((await waiting(server)) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    console.log(`their data was gone ${((performance.now() - begun) / 1000).toFixed(1)} s later`)
    print("after them", await load(["beside", "--seconds", 3], server))
  })
  folder.remove()
}
const folder = scratchFolder()
const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 15_000)
await withServer(folder, (server) => load(["make", "--count", expiring, "--expires-at", at.toISOString()], server))
await withServer(folder, async (server) => {
  if (Date.now() > at) throw new Error("making the streams took too long")
  const seconds = (at - Date.now()) / 1000 - 1
  print("before expiries", await load(["beside", "--seconds", seconds], server))
  print(`${expiring} expiries`, await load(["beside", "--seconds", 6], server))
})
folder.remove()
