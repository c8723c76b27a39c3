// What subscriptions cost an append: CPU time with none, and with N that have patterns. All streams of
// the workload are streams of one of them, whose worker has not come yet.
//   node tests/bench/subscriptions.js [N] [ROUNDS] [ROLE]     10,000, 5 and both by default; they take turns
import { scratchFolder } from "../harness/setups.js"
import { startServer } from "../harness/server.js"
import { subscriptions } from "../harness/webhooks.js"
import { load } from "./systems.js"

const count = Number(process.argv[2] ?? 10_000)
const rounds = Number(process.argv[3] ?? 5)
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

async function subscribe(url) {
  const subs = subscriptions(url)
  const put = async (id, pattern) => {
    const { status } = await subs.put(id, { type: "pull-wake", pattern, wake_stream: "wake" })
    if (status !== 201) throw new Error(`subscription ${id}: ${status}`)
  }
  await fetch(`${url}wake`, { method: "PUT", headers: { "content-type": "application/json" } })
  await put("all", "**")
  for (let i = 1; i < count; i += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - i) }, (_, j) => put(`s${i + j}`, `tenant-${i + j}/*/events/**`)))
  }
}

async function measure(role, streams, subscribed) {
  const folder = scratchFolder()
  const server = await startServer(role === "dev" ? ["dev"] : ["serve", "--data-dir", folder.path])
  try {
    if (subscribed) await subscribe(server.url)
    const result = await load(["append", "--streams", streams, "--seconds", 3, "--warmup", 1], server)
    return (result.cpu_seconds / result.requests) * 1e6
  } finally {
    await server.stop()
    folder.remove()
  }
}

for (const role of process.argv[4] ? [process.argv[4]] : ["dev", "serve"]) {
  for (const streams of [1, 1000]) {
    const without = []
    const subscribed = []
    for (let round = 0; round < rounds; round++) {
      without.push(await measure(role, streams, false))
      subscribed.push(await measure(role, streams, true))
    }
    const [a, b] = [median(without), median(subscribed)]
    console.log(`${role}, ${streams} stream(s): ${a.toFixed(2)} us CPU per append without subscriptions, ${b.toFixed(2)} with ${count}: ${(b / a).toFixed(3)} times`)
  }
}
