// How much one client may do, and what the server does when there is too much altogether.
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { createHash, randomBytes } from "node:crypto"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, streams, until } from "../harness/streams.js"

let folder
let server
beforeEach(() => {
  folder = scratchFolder()
})
afterEach(async () => {
  await server?.stop()
  folder.remove()
})

const text = { "content-type": "text/plain" }

test("requests beyond the limit are 429, with when to come again and what is left", async () => {
  server = await startServer(["dev", "--limit-requests", "5", "--limit-request-burst", "10"])
  const ds = streams(server.url)
  const answers = []
  for (let i = 0; i < 20; i++) answers.push(await ds.head("none"))
  const passed = answers.filter(({ status }) => status === 404)
  const refused = answers.find(({ status }) => status === 429)
  expect(passed.length).toBeGreaterThanOrEqual(10)
  expect(passed.length).toBeLessThan(14)
  expect(answers[0].headers.get("ratelimit-policy")).toBe('"requests";q=10;w=2')
  expect(answers[0].headers.get("ratelimit")).toMatch(/^"requests";r=9;t=1$/)
  expect(refused.headers.get("retry-after")).toBe("1")
  expect(refused.headers.get("ratelimit")).toMatch(/r=0;t=2/)
  const body = await ds.read("none")
  expect(JSON.parse(body.text).code).toBe("rate-limited")
  await new Promise((resolve) => setTimeout(resolve, 1100))
  expect((await ds.head("none")).status).toBe(404)
})

test("principals have limits of their own, wherever they call from", async () => {
  const hash = (key) => createHash("sha256").update(key).digest("hex")
  const rules = [{ paths: ["**"], operations: ["*"] }]
  const file = join(folder.path, "auth.json")
  writeFileSync(file, JSON.stringify({ keys: [{ name: "a", sha256: hash("a"), rules }, { name: "b", sha256: hash("b"), rules }] }))
  server = await startServer(["dev", "--auth-config", file, "--limit-requests", "1", "--limit-request-burst", "3"])
  const call = (key) => streams(server.url).call("HEAD", "none", { headers: { authorization: `Bearer ${key}` } })
  for (let i = 0; i < 3; i++) expect((await call("a")).status).toBe(404)
  expect((await call("a")).status).toBe(429)
  expect((await call("b")).status).toBe(404)
})

test("behind a trusted proxy its header names the client", async () => {
  server = await startServer(["dev", "--limit-requests", "1", "--limit-request-burst", "2", "--client-address-header", "X-Forwarded-For"])
  const call = (address) => streams(server.url).call("HEAD", "none", { headers: { "x-forwarded-for": address } })
  for (let i = 0; i < 2; i++) expect((await call("203.0.113.1")).status).toBe(404)
  expect((await call("203.0.113.1")).status).toBe(429)
  // What the client itself put in front does not count.
  expect((await call("198.51.100.7, 203.0.113.1")).status).toBe(429)
  expect((await call("203.0.113.2")).status).toBe(404)
  // The addresses of one IPv6 network are one client.
  for (const host of ["1", "2"]) expect((await call(`2001:db8:1:2:3:4:5:${host}`)).status).toBe(404)
  expect((await call("2001:db8:1:2:3:4:5:6")).status).toBe(429)
})

test("bytes beyond the limit are owed", async () => {
  server = await startServer(["dev", "--limit-bytes", "100KiB"])
  const ds = streams(server.url)
  const path = freshPath()
  await ds.create(path)
  expect((await ds.append(path, randomBytes(150 << 10))).status).toBe(204)
  const refused = await ds.append(path, "x")
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1)
  await until(async () => (await ds.append(path, "x")).status === 204, 5000)
  // What is read counts too.
  expect((await ds.read(path)).status).toBe(200)
  expect((await ds.read(path)).status).toBe(429)
})

test("live readers beyond the limit are 429, and make room when they go", async () => {
  server = await startServer(["dev", "--limit-live-readers", "3"])
  const ds = streams(server.url)
  const path = freshPath()
  await ds.create(path)
  const live = []
  for (let i = 0; i < 3; i++) {
    const abort = new AbortController()
    const mode = i % 2 ? "long-poll" : "sse"
    const reading = fetch(`${server.url}${path}?offset=now&live=${mode}`, { signal: abort.signal }).catch(() => {})
    live.push({ abort, reading })
  }
  const count = async () => {
    const metrics = await (await fetch(`${server.admin}/metrics`)).text()
    return [...metrics.matchAll(/^durable_streams_live_readers\{.*\} (\d+)/gm)].reduce((sum, match) => sum + Number(match[1]), 0)
  }
  await until(async () => (await count()) === 3)
  for (const mode of ["sse", "long-poll"]) expect((await ds.read(path, "now", `&live=${mode}`)).status).toBe(429)
  expect((await ds.read(path)).status).toBe(200)
  live[1].abort.abort()
  await until(async () => (await count()) === 2)
  const abort = new AbortController()
  expect((await fetch(`${server.url}${path}?offset=now&live=sse`, { signal: abort.signal })).status).toBe(200)
  abort.abort()
  for (const { abort } of live) abort.abort()
})

test("streams under one prefix are bounded, and make room when they go", async () => {
  const args = ["serve", "--data-dir", join(folder.path, "data"), "--limit-streams-per-prefix", "3"]
  server = await startServer(args)
  const ds = streams(server.url)
  const make = async (path) => (await ds.create(path)).status
  for (const i of [1, 2, 3]) expect(await make(`tenant-a/${i}`)).toBe(201)
  const refused = await ds.create("tenant-a/4")
  expect(refused.status).toBe(403)
  expect(JSON.parse(refused.text).code).toBe("quota-exceeded")
  expect(await make("tenant-a/1")).toBe(200)
  expect(await make("tenant-b/1")).toBe(201)
  expect(await make("single")).toBe(201)
  await ds.remove("tenant-a/2")
  expect(await make("tenant-a/5")).toBe(201)
  // Also many at once, and after a restart.
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => make(`tenant-c/${i}`)))
  expect(many.filter((status) => status === 201).length).toBe(3)
  await server.stop()
  server = await startServer(args)
  const again = streams(server.url)
  await until(async () => (await again.create(freshPath("tenant-c/x"))).status === 403, 5000)
  expect((await again.create("tenant-d/1")).status).toBe(201)
})

test("under a memory cap the server refuses work instead of dying", async () => {
  // The kernel gives the process no more than this, so an allocation beyond it would end it.
  server = await startServer(["dev", "--max-memory-bytes", "220MiB", "--max-append-bytes", "16MiB", "--block-cache-bytes", "8MiB", "--chunk-cache-bytes", "8MiB"])
  const hard = spawnSync("prlimit", ["--pid", String(server.pid), `--data=${900 << 20}`])
  expect(hard.status).toBe(0)
  const ds = streams(server.url)
  const body = Buffer.alloc(8 << 20, "x")
  const statuses = new Map()
  const paths = []
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const path = freshPath("fill")
        const { status } = await ds.create(path, { body })
        if (status === 201) paths.push(path)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }),
    )
  }
  // 640 MiB were offered.
  expect(statuses.get(201)).toBeGreaterThan(5)
  expect(statuses.get(503)).toBeGreaterThan(5)
  expect([...statuses.keys()].sort()).toEqual([201, 503])
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024
  expect(peak).toBeLessThan(500)
  const refused = await ds.create(freshPath("fill"), { body })
  expect(refused.headers.get("retry-after")).toBeTruthy()
  // Deleting is always let through, and makes it well again.
  expect((await fetch(`${server.admin}/healthz`)).status).toBe(200)
  for (const path of paths) expect((await ds.remove(path)).status).toBe(204)
})
