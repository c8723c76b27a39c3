// --request-timeout holds whatever the storage does. Here its process is stopped (SIGSTOP): it keeps its
// connections, and says nothing.
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, sse, streams, until } from "../harness/streams.js"
import { subscriptions } from "../harness/webhooks.js"

const timeoutMs = 1_000
const lateMs = 300

/** How long a call took, and what came of it. */
async function timed(call) {
  const begun = performance.now()
  const answer = await call()
  return { ...answer, ms: performance.now() - begun }
}

const codeOf = ({ text }) => {
  const body = JSON.parse(text)
  return (body.code ?? body.error.code).toLowerCase().replaceAll("_", "-")
}

describe("a storage that is stopped", () => {
  let folder, storage, gateway, ds, subs, stopped
  beforeEach(async () => {
    folder = scratchFolder()
    storage = await startServer(["storage", "--data-dir", folder.path])
    gateway = await startServer(["gateway", "--storage", storage.url, "--request-timeout", `${timeoutMs}ms`, "--long-poll-timeout", "20s"])
    ds = streams(gateway.url)
    subs = subscriptions(gateway.url)
    stopped = false
  })
  afterEach(async () => {
    if (stopped) proceed()
    await gateway.stop()
    await storage.stop()
    folder.remove()
  })
  const stop = () => {
    process.kill(storage.pid, "SIGSTOP")
    stopped = true
  }
  const proceed = () => {
    process.kill(storage.pid, "SIGCONT")
    stopped = false
  }

  test("every request is answered by its deadline, says what is known of it, and the next ones work again", async () => {
    const path = freshPath("stopped")
    const { offset } = await ds.create(path, { body: "before;" })
    await ds.create("wake", { type: "application/json" })
    const id = freshPath("sub")
    expect((await subs.put(id, { type: "pull-wake", streams: [path], wake_stream: "wake" })).status).toBe(201)
    await ds.append(path, "work;")
    const claim = (await subs.claim(id, "worker")).json
    expect(claim.wake_id).toBeTruthy()

    stop()
    const writes = {
      append: () => ds.append(path, "once;"),
      "append and close": () => ds.call("POST", freshPath("x"), { headers: { "content-type": "text/plain", "stream-closed": "true" }, body: "x" }),
      produce: () => ds.produce(path, "p", 0, 0, "produced;"),
      create: () => ds.create(freshPath("new"), { body: "x" }),
      delete: () => ds.remove(freshPath("other")),
      "put a subscription": () => subs.put(freshPath("sub"), { type: "pull-wake", pattern: "a/*", wake_stream: "wake" }),
      claim: () => subs.claim(id, "other"),
      ack: () => subs.ack(id, claim, { acks: [{ stream: path, offset }] }),
      release: () => subs.release(id, claim),
      "delete a subscription": () => subs.remove(freshPath("sub")),
    }
    const reads = {
      read: () => ds.read(path),
      "conditional read": () => ds.call("GET", path, { query: "?offset=-1", headers: { "if-none-match": '"x"' } }),
      head: async () => ({ ...(await ds.head(path)), text: '{"code":"deadline-exceeded"}' }),
      "long-poll": () => ds.read(path, offset, "&live=long-poll"),
      sse: () => ds.read(path, offset, "&live=sse"),
      "get a subscription": () => subs.get(id),
      "signing keys": () => subs.call("GET", "jwks.json"),
    }
    const check = async ([name, call], code) => {
      const answer = await timed(call)
      expect.soft(answer.status, name).toBe(503)
      expect.soft(codeOf(answer), name).toBe(code)
      expect.soft(answer.headers.get("retry-after"), name).toMatch(/^\d+$/)
      expect.soft(answer.ms, name).toBeGreaterThan(timeoutMs - 5)
      expect.soft(answer.ms, name).toBeLessThan(timeoutMs + lateMs)
    }
    await Promise.all([...Object.entries(writes).map((write) => check(write, "write-uncertain")), ...Object.entries(reads).map((read) => check(read, "deadline-exceeded"))])

    proceed()
    expect((await ds.append(path, "after;")).status).toBe(204)
    // What may have been applied was applied once, or never; the producer's repetition tells which.
    const repeated = await ds.produce(path, "p", 0, 0, "produced;")
    expect([200, 204]).toContain(repeated.status)
    const { text } = await ds.read(path)
    expect(text).toMatch(/^before;work;(once;|produced;)*after;(produced;)?$/)
    expect(text.split("produced;").length).toBe(2)
    expect(text.split("once;").length).toBeLessThanOrEqual(2)
    expect((await subs.get(id)).status).toBe(200)
  })

  test("readers that wait go on waiting, and get what comes later", async () => {
    const path = freshPath("live")
    const { offset } = await ds.create(path, { body: "before;" })
    const poll = ds.read(path, offset, "&live=long-poll")
    const events = await sse(`${gateway.url}${path}?offset=now&live=sse`)
    await events.until(() => events.controls().length > 0)
    await new Promise((resolve) => setTimeout(resolve, 200))
    stop()
    await new Promise((resolve) => setTimeout(resolve, 2 * timeoutMs))
    proceed()
    expect((await ds.append(path, "after;")).status).toBe(204)
    expect((await poll).text).toBe("after;")
    await events.until(() => events.data().length > 0)
    events.close()
  })

  test("a gateway that is started meanwhile answers by the deadline too", async () => {
    const path = freshPath("late")
    await ds.create(path, { body: "x" })
    stop()
    const second = await startServer(["gateway", "--storage", storage.url, "--request-timeout", `${timeoutMs}ms`])
    const other = streams(second.url)
    const answers = await Promise.all([() => other.append(path, "never;"), () => other.read(path)].map(timed))
    for (const answer of answers) {
      expect(answer.status).toBe(503)
      expect(codeOf(answer)).toMatch(/^(deadline-exceeded|storage-unavailable)$/) // not applied, both
      expect(answer.ms).toBeLessThan(timeoutMs + lateMs)
    }
    proceed()
    await until(async () => (await other.head(path)).status === 200)
    expect((await other.read(path)).text).toBe("x")
    await second.stop()
  })

  test("metrics count what was overdue", async () => {
    // A storage that was not reached yet refuses instead.
    await until(async () => (await ds.head("x")).status === 404)
    stop()
    await ds.head("x")
    const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
    expect(metrics).toMatch(/^durable_streams_hop_overdue_requests_total 1$/m)
  })
})
