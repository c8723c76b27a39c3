// Patterns that a tenant writes must not stall the others: each creation is held against all of
// them, on the thread that commits everything.
import { afterEach, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { freshPath, streams } from "../harness/streams.js"

let server
afterEach(() => server?.stop())

const subscribe = (id, pattern) =>
  streams(server.url).call("PUT", `__ds/subscriptions/${id}`, { headers: { "content-type": "application/json" }, body: JSON.stringify({ type: "pull-wake", wake_stream: "wake", pattern }) })

/** The longest that another client's append takes while `work` goes on, in milliseconds. */
async function longestAppendDuring(work) {
  const ds = streams(server.url)
  const path = freshPath("other")
  await ds.create(path)
  let longest = 0
  let done = false
  const appending = (async () => {
    while (!done) {
      const begin = performance.now()
      expect((await ds.append(path, "x")).status).toBe(204)
      longest = Math.max(longest, performance.now() - begin)
    }
  })()
  await work()
  done = true
  await appending
  return longest
}

test("the hardest patterns that are taken do not stall creations of deep paths", async () => {
  server = await startServer(["dev"])
  await streams(server.url).create("wake", { type: "application/json" })
  // Too many segments, and what is taken of those that can be reached in the most ways.
  const statuses = []
  for (let i = 0; i < 20; i++) statuses.push((await subscribe(`long-${i}`, `${"**/s/".repeat(400)}${i}`)).status)
  expect(new Set(statuses)).toEqual(new Set([400]))
  for (let i = 0; i < 20; i++) statuses.push((await subscribe(`hard-${i}`, `${"**/s/".repeat(30)}**/${i}`)).status)
  for (let i = 0; i < 20; i++) statuses.push((await subscribe(`harder-${i}`, `s/${"**/s/".repeat(20)}${"*/".repeat(i % 10)}${i}`)).status)
  expect(statuses).toContain(201)
  const longest = await longestAppendDuring(async () => {
    for (let i = 0; i < 20; i++) expect((await streams(server.url).create(`${"s/".repeat(127)}${i}x`)).status).toBe(201)
  })
  expect(longest).toBeLessThan(200)
  const deeper = await streams(server.url).create(`${"s/".repeat(128)}x`)
  expect([deeper.status, JSON.parse(deeper.text).code]).toEqual([400, "invalid-path"])
})
