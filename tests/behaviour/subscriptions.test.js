// Subscriptions over HTTP: what the protocol's suite leaves out.
import { spawnSync } from "node:child_process"
import { createServer } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { binary, startServer, startSplit } from "../harness/server.js"
import { scratchFolder, setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"
import { eventually, isSigned, subscriptions, webhookReceiver } from "../harness/webhooks.js"

const local = ["--webhook-allow-http-localhost"]

describe.each(setups)("subscriptions, %s", (_name, start) => {
  let server, ds, subs
  beforeAll(async () => {
    server = await start([], local)
    ds = streams(server.url)
    subs = subscriptions(server.url)
  })
  afterAll(() => server.stop())

  test("a webhook is signed by a published key", async () => {
    const receiver = await webhookReceiver()
    const folder = freshPath("signed")
    await subs.put(folder, { type: "webhook", pattern: `${folder}/**`, webhook: { url: receiver.url } })
    await ds.create(`${folder}/a/b`, { body: "x" })
    await eventually(() => receiver.received.length > 0)
    const [webhook] = receiver.received
    const jwks = await subs.keys()
    expect(isSigned(webhook, jwks)).toBe(true)
    expect(isSigned({ ...webhook, raw: webhook.raw + " " }, jwks)).toBe(false)
    expect(webhook.headers["content-type"]).toBe("application/json")
    await receiver.stop()
  })

  test("every append is offered, however the receiver answers", async () => {
    // Fails, answers garbage, closes early, answers more than anyone reads; then does its work.
    const answers = [
      // (A connection that is kept and then breaks would be tried anew at once.)
      (response) => response.writeHead(500, { connection: "close" }).end("no"),
      (response) => response.destroy(),
      (response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    ]
    const receiver = await webhookReceiver((body, response) => {
      const answer = answers.shift()
      if (answer) return answer(response)
      response.end(JSON.stringify({ done: true, padding: "x".repeat(1000) }))
    })
    const folder = freshPath("faulty")
    await subs.put(folder, { type: "webhook", pattern: `${folder}/*`, webhook: { url: receiver.url }, lease_ttl_ms: 600_000 })
    const { offset } = await ds.create(`${folder}/a`, { body: "x" })
    await eventually(async () => (await subs.get(folder)).json.streams[0]?.acked_offset === offset, 20_000)
    expect(receiver.received.length).toBe(4)
    const generations = receiver.received.map(({ body }) => body.generation)
    expect(generations).toEqual([1, 1, 1, 1])
    // 1, 2 and 4 s, each a fifth more or less.
    const gaps = receiver.received.slice(1).map(({ at }, i) => at - receiver.received[i].at)
    gaps.forEach((gap, i) => {
      expect(gap).toBeGreaterThan(700 * 2 ** i)
      expect(gap).toBeLessThan(1_300 * 2 ** i + 1_000)
    })
    expect((await subs.get(folder)).json.status).toBe("active")
    await receiver.stop()
  })

  test("garbage and a long answer are taken, but are not done", async () => {
    const receiver = await webhookReceiver((body, response) => response.end(body.streams[0].path.endsWith("a") ? "{" : "x".repeat(300_000)))
    for (const name of ["a", "b"]) {
      const folder = freshPath("garbage")
      await subs.put(folder, { type: "webhook", pattern: `${folder}/*`, webhook: { url: receiver.url }, lease_ttl_ms: 600_000 })
      await ds.create(`${folder}/${name}`, { body: "x" })
      await eventually(() => receiver.received.some(({ body }) => body.subscription_id === folder))
      await new Promise((resolve) => setTimeout(resolve, 300))
      const { json } = await subs.get(folder)
      expect(json.status).toBe("active")
      expect(json.streams[0].acked_offset).toBe("-1")
    }
    expect(receiver.received.length).toBe(2)
    await receiver.stop()
  })

  test("a receiver that hangs holds up nobody else", async () => {
    const hanging = createServer(() => {}).listen(0, "127.0.0.1")
    const receiver = await webhookReceiver()
    const folder = freshPath("hang")
    await subs.put(`${folder}-1`, { type: "webhook", pattern: `${folder}/*`, webhook: { url: `http://127.0.0.1:${hanging.address().port}/` }, lease_ttl_ms: 1000 })
    await subs.put(`${folder}-2`, { type: "webhook", pattern: `${folder}/*`, webhook: { url: receiver.url } })
    for (let i = 0; i < 5; i++) await ds.create(`${folder}/${i}`, { body: "x" })
    await eventually(async () => (await subs.get(`${folder}-2`)).json.streams.every(({ acked_offset }) => acked_offset !== "-1"))
    await eventually(async () => (await subs.get(`${folder}-1`)).json.status === "failed")
    await subs.remove(`${folder}-1`)
    await receiver.stop()
    hanging.close()
  })

  test.each([
    ["no JSON", "{"],
    ["an unknown type", { type: "email", pattern: "a" }],
    ["neither pattern nor streams", { type: "webhook", webhook: { url: "https://w.example" } }],
    ["no URL", { type: "webhook", pattern: "a" }],
    ["no wake stream", { type: "pull-wake", pattern: "a" }],
    ["a lease of no time", { type: "pull-wake", pattern: "a", wake_stream: "w", lease_ttl_ms: 0 }],
    ["a lease of an hour", { type: "pull-wake", pattern: "a", wake_stream: "w", lease_ttl_ms: 3_600_000 }],
    ["a wake stream among its streams", { type: "pull-wake", streams: ["w"], wake_stream: "/w" }],
  ])("%s is refused", async (_what, config) => {
    const { status, json } = await subs.put(freshPath("bad"), config)
    expect(status).toBe(400)
    expect(json.error.code).toBe("INVALID_REQUEST")
  })

  test.each(["http://example.com/", "https://localhost/", "https://192.168.0.1/", "https://[::ffff:7f00:1]/", "https://169.254.169.254/", "javascript:alert(1)", "nonsense"])("the URL %s is refused", async (url) => {
    const { status, json } = await subs.put(freshPath("unsafe"), { type: "webhook", pattern: "a", webhook: { url } })
    expect(status).toBe(400)
    expect(json.error.code).toBe("WEBHOOK_URL_REJECTED")
  })

  test("tokens that are missing, wrong or of another subscription are refused", async () => {
    const folder = freshPath("tokens")
    for (const id of [`${folder}-1`, `${folder}-2`]) await subs.put(id, { type: "pull-wake", pattern: `${folder}/*`, wake_stream: `${folder}-wake` })
    await ds.create(`${folder}/a`, { body: "x" })
    const claims = []
    for (const id of [`${folder}-1`, `${folder}-2`]) claims.push((await subs.claim(id, "w")).json)
    const none = await subs.call("POST", `subscriptions/${folder}-1/ack`, { wake_id: claims[0].wake_id, generation: 1 })
    expect([none.status, none.json.error.code]).toEqual([401, "TOKEN_INVALID"])
    expect(none.headers.get("www-authenticate")).toBe("Bearer")
    const other = await subs.ack(`${folder}-1`, { ...claims[0], token: claims[1].token })
    expect([other.status, other.json.error.code]).toEqual([401, "TOKEN_INVALID"])
    expect((await subs.release(`${folder}-1`, claims[0])).status).toBe(204)
    const late = await subs.ack(`${folder}-1`, claims[0], { done: true })
    expect([late.status, late.json.error.code]).toEqual([409, "FENCED"])
  })

  test("what is not there, or not supported there, is said so", async () => {
    expect((await subs.get("nobody")).json.error.code).toBe("SUBSCRIPTION_NOT_FOUND")
    expect((await subs.claim("nobody", "w")).status).toBe(404)
    expect((await subs.remove("nobody")).status).toBe(204)
    expect((await subs.call("PATCH", "subscriptions/a")).status).toBe(405)
    expect((await subs.call("GET", "else")).status).toBe(404)
    expect((await ds.create("__ds/stream", { body: "x" })).status).toBe(404)
    expect((await ds.create("__ds", { body: "x" })).status).toBe(404)
  })

  test("an id may have what a URL can escape", async () => {
    const id = encodeURIComponent(`a b?é+${freshPath("id")}`)
    const config = { type: "pull-wake", pattern: "none", wake_stream: "wake" }
    expect((await subs.put(id, config)).status).toBe(201)
    expect((await subs.get(id)).json.id).toBe(decodeURIComponent(id))
    expect((await subs.remove(id)).status).toBe(204)
  })
})

test("the URLs that workers are given are those that clients use", async () => {
  const receiver = await webhookReceiver()
  const server = await startServer(["dev", "--public-url", "https://streams.example/"])
  const subs = subscriptions(server.url)
  const { json } = await subs.put("sub", { type: "webhook", pattern: "*", webhook: { url: receiver.url } })
  expect(json.webhook.signing.jwks_url).toBe("https://streams.example/v1/stream/__ds/jwks.json")
  const created = await streams(server.url).create("a", { body: "x" })
  expect(created.headers.get("location")).toBe("https://streams.example/v1/stream/a")
  await eventually(() => receiver.received.length > 0)
  expect(receiver.received[0].body.callback_url).toBe("https://streams.example/v1/stream/__ds/subscriptions/sub/callback")
  await server.stop()
  await receiver.stop()
})

test("localhost is for development only", async () => {
  const folder = scratchFolder()
  const server = await startServer(["serve", "--data-dir", folder.path])
  const { json } = await subscriptions(server.url).put("sub", { type: "webhook", pattern: "*", webhook: { url: "http://127.0.0.1:1/" } })
  expect(json.error.code).toBe("WEBHOOK_URL_REJECTED")
  await server.stop()
  folder.remove()
})

test("a key is rotated while the storage runs, and while it does not; the old one stays published", async () => {
  const folder = scratchFolder()
  const rotate = (...where) => {
    const { status, stdout, stderr } = spawnSync(binary, ["rotate-signing-key", ...where], { timeout: 20_000 })
    expect(status, String(stderr)).toBe(0)
    return String(stdout).trim().split("\n").map((line) => line.split(" ")[0])
  }
  const split = await startSplit(folder.path)
  const keys = async (url) => (await subscriptions(url).keys()).keys.map(({ kid }) => kid)
  const [first] = await keys(split.url)
  const running = rotate("--storage", split.storage.url)
  expect(running[1]).toBe(first)
  expect(await keys(split.url)).toEqual(running)
  await split.stop()
  const stopped = rotate("--data-dir", folder.path)
  expect(stopped.slice(1)).toEqual(running)
  const server = await startServer(["serve", "--data-dir", folder.path])
  expect(await keys(server.url)).toEqual(stopped)
  await server.stop()
  const missing = spawnSync(binary, ["rotate-signing-key"], { timeout: 10_000 })
  expect(missing.status).not.toBe(0)
  folder.remove()
})
