// The workers in docs/subscriptions.md, run as they stand there.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams } from "../harness/streams.js"
import { eventually, subscriptions } from "../harness/webhooks.js"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const workers = [...readFileSync(join(root, "docs/subscriptions.md"), "utf8").matchAll(/```js\n(.*?)```/gs)].map((match) => match[1])

let server, folder
beforeAll(async () => {
  folder = scratchFolder()
  server = await startServer(["dev"])
})
afterAll(async () => {
  await server.stop()
  folder.remove()
})

test.each([
  ["webhook", 0, "orders-webhook"],
  ["pull-wake", 1, "orders-pull"],
])("the %s worker works through what comes, and acks it", async (_type, index, id) => {
  const file = join(folder.path, `${id}.mjs`)
  writeFileSync(file, workers[index])
  const worker = spawn(process.execPath, [file, new URL(server.url).origin], { stdio: ["ignore", "pipe", "inherit"] })
  let output = ""
  worker.stdout.on("data", (chunk) => (output += chunk))
  await eventually(() => output.includes("subscribed: 201"))
  const ds = streams(server.url)
  const path = `orders/${id}`
  await ds.create(path, { type: "application/json", body: '{"item":"book"}' })
  await eventually(() => output.includes(`${path} [ { item: 'book' } ]`))
  const { offset } = await ds.append(path, '{"item":"pen"}', { type: "application/json" })
  await eventually(() => output.includes(`${path} [ { item: 'pen' } ]`))
  await eventually(async () => {
    const { json } = await subscriptions(server.url).get(id)
    return json.streams.find((stream) => stream.path === path).acked_offset === offset
  })
  worker.kill("SIGTERM")
  await once(worker, "exit")
})
