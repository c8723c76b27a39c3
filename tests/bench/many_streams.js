// Many streams: memory with N of them, one append each, and the time from start to the first answer
// with them on disk.    node tests/bench/many_streams.js [N]     100,000 by default
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"

const count = Number(process.argv[2] ?? 100_000)
const folder = scratchFolder()
const arguments_ = ["serve", "--data-dir", folder.path]

const residentMiB = (pid) => Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024)

let server = await startServer(arguments_)
const empty = residentMiB(server.pid)
const began = performance.now()
for (let i = 0; i < count; i += 200) {
  await Promise.all(
    Array.from({ length: Math.min(200, count - i) }, async (_, j) => {
      const url = `${server.url}many/${i + j}`
      const created = await fetch(url, { method: "PUT", headers: { "content-type": "application/octet-stream" } })
      await created.arrayBuffer()
      const appended = await fetch(url, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: `stream ${i + j}` })
      await appended.arrayBuffer()
      if (created.status !== 201 || appended.status !== 204) throw new Error(`stream ${i + j}: ${created.status}, ${appended.status}`)
    })
  )
}
console.log(`${count} streams created and appended to in ${((performance.now() - began) / 1000).toFixed(1)} s`)
console.log(`resident: ${empty} MiB when empty, ${residentMiB(server.pid)} MiB with ${count} streams`)
const { host } = new URL(server.url)
await server.stop()

// From exec to the first answer, asking all the time.
const start = performance.now()
const child = spawn(binary, [...arguments_, "--listen", host], { stdio: "ignore" })
const url = `http://${host}/v1/stream/many/${Math.floor(count / 2)}?offset=-1`
let answer
while (!answer) {
  try {
    answer = await (await fetch(url)).text()
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
console.log(`first answer ${Math.round(performance.now() - start)} ms after the start: ${JSON.stringify(answer)}; resident: ${residentMiB(child.pid)} MiB`)
child.kill("SIGTERM")
await once(child, "exit")
folder.remove()
