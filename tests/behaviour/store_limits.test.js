// Bounds on what clients make: what is beyond is refused with a reason, counted, and hurts nobody else.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder, setups } from "../harness/setups.js"
import { freshPath, until } from "../harness/streams.js"

let server
afterEach(async () => {
  await server?.stop()
  server = undefined
})

const text = { "content-type": "text/plain" }
const json = { "content-type": "application/json" }
async function call(method, path, headers = {}, body) {
  const response = await fetch(server.url + path, { method, headers, body })
  return { status: response.status, text: await response.text() }
}
const produce = (path, producer, seq = 0, body = "x") => call("POST", path, { ...text, "producer-id": producer, "producer-epoch": "0", "producer-seq": String(seq) }, body)
const subscribe = (id, body) => call("PUT", `__ds/subscriptions/${id}`, json, JSON.stringify({ type: "pull-wake", wake_stream: "wake", ...body }))
const addStreams = (id, streams) => call("POST", `__ds/subscriptions/${id}/streams`, json, JSON.stringify({ streams }))
const linksOf = async (id) => JSON.parse((await call("GET", `__ds/subscriptions/${id}`)).text).streams.map(({ path }) => path).sort()
const names = (count, prefix = "n") => Array.from({ length: count }, (_, i) => `${prefix}/${i}`)
async function refusals(limit) {
  const { admin } = server.storage ?? server
  const line = (await (await fetch(`${admin}/metrics`)).text()).match(new RegExp(`durable_streams_limit_refusals_total\\{limit="${limit}"\\} (\\d+)`))
  return Number(line[1])
}

describe.each(setups)("%s", (_, start) => {
  test("producers of a stream", async () => {
    server = await start([], ["--limit-producers-per-stream", "3"])
    await call("PUT", "s", text)
    for (const producer of ["a", "b", "c"]) expect((await produce("s", producer)).status).toBe(200)
    const refused = await produce("s", "d")
    expect(refused.status).toBe(403)
    expect(refused.text).toMatch(/quota-exceeded.*3 producers/s)
    expect((await call("GET", "s")).text).toBe("xxx")
    // Those that are there go on, and their repetitions.
    expect((await produce("s", "a", 1)).status).toBe(200)
    expect((await produce("s", "a", 1)).status).toBe(204)
    // Other streams have room of their own.
    await call("PUT", "t", text)
    expect((await produce("t", "d")).status).toBe(200)
    expect(await refusals("producers_per_stream")).toBe(1)
    // So has the next stream of that name.
    await call("DELETE", "s")
    await call("PUT", "s", text)
    expect((await produce("s", "d")).status).toBe(200)
  })

  test("subscriptions", async () => {
    server = await start([], ["--limit-subscriptions", "2"])
    await call("PUT", "wake", json)
    expect((await subscribe("a", { streams: ["s"] })).status).toBe(201)
    expect((await subscribe("b", { pattern: "x/*" })).status).toBe(201)
    for (const body of [{ streams: ["s"] }, { pattern: "x/*" }]) {
      const refused = await subscribe("c", body)
      expect(refused.status).toBe(403)
      expect(refused.text).toMatch(/QUOTA_EXCEEDED.*2 subscriptions/s)
    }
    expect((await subscribe("a", { streams: ["s"] })).status).toBe(200)
    expect((await call("DELETE", "__ds/subscriptions/a")).status).toBe(204)
    expect((await subscribe("c", { streams: ["s"] })).status).toBe(201)
    expect(await refusals("subscriptions")).toBe(2)
  })

  test("streams of a subscription", async () => {
    server = await start([], ["--limit-links-per-subscription", "3"])
    await call("PUT", "wake", json)
    expect((await subscribe("a", { streams: names(4) })).status).toBe(403)
    expect((await subscribe("a", { streams: names(2) })).status).toBe(201)
    expect((await addStreams("a", names(4))).status).toBe(403)
    expect(await linksOf("a")).toEqual(names(2))
    expect((await addStreams("a", names(3))).status).toBe(204)
    expect((await addStreams("a", names(3))).status).toBe(204)
    // By a pattern: what is there counts, what is created later is bounded as streams are.
    for (const name of names(3, "p")) await call("PUT", name, text)
    expect((await subscribe("b", { pattern: "p/*" })).status).toBe(201)
    await call("PUT", "p/3", text)
    await until(async () => (await linksOf("b")).length === 4)
    const refused = await subscribe("c", { pattern: "p/*" })
    expect(refused.status).toBe(403)
    expect(refused.text).toMatch(/would have 4 streams, and may have 3/)
    expect((await call("GET", "__ds/subscriptions/c")).status).toBe(404)
    expect(await refusals("links_per_subscription")).toBe(3)
  })

  test("streams in one call", async () => {
    server = await start()
    await call("PUT", "wake", json)
    const refused = await subscribe("a", { streams: names(1001) })
    expect(refused.status).toBe(400)
    expect(refused.text).toMatch(/one call may name 1,000 streams/)
    expect((await subscribe("a", { streams: names(1000) })).status).toBe(201)
    expect((await addStreams("a", names(1001, "m"))).status).toBe(400)
    expect((await addStreams("a", names(1000, "m"))).status).toBe(204)
    const acks = names(1001).map((path) => ({ path, offset: "-1" }))
    const ack = await call("POST", "__ds/subscriptions/a/ack", { ...json, authorization: "Bearer x" }, JSON.stringify({ wake_id: "w", generation: 1, acks }))
    expect([400, 401]).toContain(ack.status)
  })

  test("forks of forks", async () => {
    server = await start([], ["--limit-fork-depth", "3"])
    await call("PUT", "f0", text, "x")
    const fork = (path, source) => call("PUT", path, { "stream-forked-from": `/v1/stream/${source}` })
    for (let i = 1; i <= 3; i++) expect((await fork(`f${i}`, `f${i - 1}`)).status).toBe(201)
    const refused = await fork("f4", "f3")
    expect(refused.status).toBe(403)
    expect(refused.text).toMatch(/may be 3 deep/)
    // Neither does it help to delete what lies between, nor does it hurt to be wide.
    await call("DELETE", "f1")
    expect((await fork("f4", "f3")).status).toBe(403)
    for (let i = 0; i < 5; i++) expect((await fork(freshPath("wide"), "f2")).status).toBe(201)
    expect((await fork("f3", "f2")).status).toBe(200)
    expect((await call("GET", "f3")).text).toBe("x")
    expect(await refusals("fork_depth")).toBe(2)
  })
})

test("producers count over a restart", async () => {
  const folder = scratchFolder()
  const start = async () => {
    server = await startServer(["serve", "--data-dir", join(folder.path, "data"), "--limit-producers-per-stream", "3"])
  }
  try {
    await start()
    await call("PUT", "s", text)
    for (const producer of ["a", "b"]) await produce("s", producer)
    await server.stop()
    await start()
    const results = await Promise.all(["c", "d", "e", "f"].map((producer) => produce("s", producer)))
    expect(results.map(({ status }) => status).sort()).toEqual([200, 403, 403, 403])
    expect((await produce("s", "a", 1)).status).toBe(200)
  } finally {
    await server.stop()
    server = undefined
    folder.remove()
  }
})

test("log lines that clients cause are bounded, and what is left out is counted", async () => {
  // Without its storage a gateway answers each request with 503, and has a line for each.
  const folder = scratchFolder()
  const log = join(folder.path, "log")
  const gateway = await startServer(["gateway", "--storage", "127.0.0.1:9"], { prefix: ["sh", "-c", `exec "$0" "$@" 2>${log}`] })
  try {
    let answered = 0
    const work = async () => {
      for (let i = 0; i < 40; i++) {
        const response = await fetch(`${gateway.url}s`)
        await response.arrayBuffer()
        if (response.status === 503) answered++
      }
    }
    await Promise.all(Array.from({ length: 10 }, work))
    expect(answered).toBe(400)
    const lines = () => readFileSync(log, "utf8").split("\n").filter((line) => line.includes("code=storage-unavailable"))
    expect(lines().length).toBeLessThan(120)
    const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
    const left = Number(/durable_streams_log_lines_left_out_total (\d+)/.exec(metrics)[1])
    expect(left + 120).toBeGreaterThan(400)
    await until(async () => {
      await (await fetch(`${gateway.url}s`)).arrayBuffer()
      return lines().some((line) => /\(\d+ lines like this were left out before\)/.test(line))
    })
  } finally {
    await gateway.stop()
    folder.remove()
  }
})
