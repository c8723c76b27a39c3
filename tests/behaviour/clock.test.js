// The system's clock is set, by a year and by a day, while servers run and while they do not.
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { fakeClock } from "../harness/fake_clock.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, sse, streams, until } from "../harness/streams.js"
import { subscriptions } from "../harness/webhooks.js"

const day = 86_400
const year = 365 * day
const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000))

const kinds = [
  ["serve", async (folder, env) => startServer(["serve", "--data-dir", folder], { env })],
  [
    "gateway",
    async (folder, env) => {
      const storage = await startServer(["storage", "--data-dir", folder], { env })
      const gateway = await startServer(["gateway", "--storage", storage.url], { env })
      const stop = async () => {
        await gateway.stop()
        await storage.stop()
      }
      return { ...gateway, admin: storage.admin, stop }
    },
  ],
]

describe.each(kinds)("a clock that is set, %s", (_name, start) => {
  let folder, clock, server, ds, subs
  const open = async () => {
    server = await start(folder.path, clock.env)
    ds = streams(server.url)
    subs = subscriptions(server.url)
  }
  beforeEach(async () => {
    folder = scratchFolder()
    clock = fakeClock()
    await open()
  })
  afterEach(async () => {
    await server.stop()
    folder.remove()
    clock.remove()
  })
  /** The server has noticed it: its Date says so, and it has looked for what is due. */
  const set = async (offset) => {
    clock.set(offset)
    await until(async () => Math.abs(Date.parse((await ds.head("x")).headers.get("date")) - (Date.now() + offset * 1000)) < 5_000)
    await seconds(0.7)
  }
  const metric = async (name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await (await fetch(`${server.admin}/metrics`)).text())?.[1])

  test.each([
    ["a year ahead", year],
    ["a year back", -year],
  ])("%s: nothing ends, nothing is held, readers go on", async (_where, offset) => {
    const long = freshPath("long")
    const short = freshPath("short")
    const dated = freshPath("dated")
    await ds.create(long, { body: "x", headers: { "stream-ttl": "3600" } })
    await ds.create(dated, { body: "x", headers: { "stream-expires-at": new Date(Date.now() + day * 1000).toISOString() } })
    const events = await sse(`${server.url}${long}?offset=now&live=sse`)
    await events.until(() => events.controls().length > 0)
    await ds.create(short, { body: "x", headers: { "stream-ttl": "4" } })
    await set(offset)
    expect((await ds.head(long)).status).toBe(200)
    expect((await ds.head(dated)).status).toBe(200)
    expect((await ds.append(long, "after;")).status).toBe(204)
    await events.until(() => events.data().length > 0)
    events.close()
    await expect.poll(async () => (await ds.head(short)).status, { timeout: 8_000 }).toBe(404)
    expect(await metric("durable_streams_clock_steps_total")).toBeGreaterThan(0)
    expect(Math.abs((await metric("durable_streams_clock_step_seconds")) - offset)).toBeLessThan(5)
    await set(0)
    expect((await ds.head(dated)).status).toBe(200)
    expect(Math.abs(await metric("durable_streams_clock_step_seconds"))).toBeLessThan(5)
  })

  test("leases end in their time, and the tokens of wakes stay good", async () => {
    const path = freshPath("leased")
    await ds.create(path)
    await ds.create("wake", { type: "application/json" })
    const id = freshPath("sub")
    await subs.put(id, { type: "pull-wake", streams: [path], wake_stream: "wake", lease_ttl_ms: 5_000 })
    const { offset } = await ds.append(path, "work")
    const claim = (await subs.claim(id, "one")).json
    await set(day)
    expect((await subs.ack(id, claim, { acks: [] })).status).toBe(200)
    await set(-day)
    expect((await subs.claim(id, "two")).status).toBe(409)
    await expect.poll(async () => (await subs.claim(id, "two")).status, { timeout: 8_000, interval: 300 }).toBe(200)
    expect((await subs.get(id)).status).toBe(200)
    expect(offset).toBeTruthy()
  })

  test.each([
    ["a year ahead", year],
    ["a year back", -year],
  ])("set %s while the server is down: nothing ends, nothing is held", async (_where, offset) => {
    const long = freshPath("long")
    const short = freshPath("short")
    const dated = freshPath("dated")
    await ds.create(long, { body: "x", headers: { "stream-ttl": "3600" } })
    await ds.create(dated, { body: "x", headers: { "stream-expires-at": new Date(Date.now() + day * 1000).toISOString() } })
    await ds.create(short, { body: "x", headers: { "stream-ttl": "3" } })
    await server.stop()
    clock.set(offset)
    await open()
    await seconds(0.7)
    expect((await ds.read(long)).text).toBe("x")
    expect((await ds.read(dated)).text).toBe("x")
    await expect.poll(async () => (await ds.head(short)).status, { timeout: 8_000 }).toBe(404)
  })
})
