// What the server calls itself: where its own URL ends up in what others are given, and which hosts it answers for.
import { connect as connectHttp2, constants } from "node:http2"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { everything, keyHash, startGuarded } from "../harness/auth.js"
import { startServer, startSplit } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, raw, statusOf } from "../harness/streams.js"

const config = { keys: [{ name: "admin", sha256: keyHash("admin"), rules: everything }] }
let folder
beforeAll(() => {
  folder = scratchFolder()
})
afterAll(() => folder.remove())

/** A request that names this host, over HTTP/1.1; resolves to the answer's text. */
function ask(server, method, path, { host, headers = {}, body = "" } = {}) {
  const lines = Object.entries({ authorization: "Bearer admin", "content-type": "text/plain", "content-length": body.length, connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  const target = new URL(server.url).pathname + path
  return raw(server.url, `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines.join("")}\r\n${body}`)
}
const header = (answer, name) => new RegExp(`\r\n${name}: (.*)\r\n`, "i").exec(answer)?.[1]
const bodyOf = (answer) => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))
const webhook = { type: "webhook", pattern: "x/*", webhook: { url: "http://localhost:9/hook" } }
const subscribe = (server, id, host, what = webhook) => ask(server, "PUT", `__ds/subscriptions/${id}`, { host, headers: { "content-type": "application/json" }, body: JSON.stringify(what) })
const jwks = (answer) => bodyOf(answer).webhook.signing.jwks_url

describe("with authentication, and nothing else", () => {
  let guarded
  beforeAll(async () => {
    guarded = await startGuarded(folder.path, config)
  })
  afterAll(() => guarded.server.stop())

  test("the start says what will not be handed out", () => {
    expect(guarded.server.errors()).toMatch(/does not know its own URL.*--public-url, --allowed-hosts/)
  })

  test("a created stream's Location is a path", async () => {
    const path = freshPath("host")
    const answer = await ask(guarded.server, "PUT", path, { host: "evil.example" })
    expect(statusOf(answer)).toBe(201)
    expect(header(answer, "Location")).toBe(`/v1/stream/${path}`)
  })

  test("webhooks are refused, wakes by a stream are not", async () => {
    const refused = await subscribe(guarded.server, "a", "evil.example")
    expect(statusOf(refused)).toBe(403)
    expect(bodyOf(refused).error.code).toBe("PUBLIC_URL_UNKNOWN")
    const taken = await subscribe(guarded.server, "b", "evil.example", { type: "pull-wake", pattern: "x/*", wake_stream: "wake" })
    expect(statusOf(taken)).toBe(201)
  })
})

test("with an external check alone it is the same", async () => {
  const server = await startServer(["dev", "--auth-url", "http://127.0.0.1:9/"])
  await server.stop()
  expect(server.errors()).toMatch(/does not know its own URL/)
})

test("with --public-url it stands in all URLs, whatever the host", async () => {
  const guarded = await startGuarded(folder.path, { ...config, url_signing: { keys: [{ id: "a", secret: "x".repeat(32) }] } }, ["--public-url", "https://streams.example"])
  try {
    expect(guarded.server.errors()).not.toMatch(/own URL/)
    const path = freshPath("host")
    expect(header(await ask(guarded.server, "PUT", path, { host: "evil.example" }), "Location")).toBe(`https://streams.example/v1/stream/${path}`)
    expect(jwks(await subscribe(guarded.server, "a", "evil.example"))).toBe("https://streams.example/v1/stream/__ds/jwks.json")
    const signed = await ask(guarded.server, "POST", "__ds/sign-url", { host: "evil.example", body: JSON.stringify({ path: "a b", operations: ["read"] }) })
    expect(bodyOf(signed).url).toMatch(/^https:\/\/streams\.example\/v1\/stream\/a%20b\?ds-key=a&/)
  } finally {
    await guarded.server.stop()
  }
})

describe("with --allowed-hosts", () => {
  let server
  beforeAll(async () => {
    server = await startServer(["dev", "--allowed-hosts", "streams.example,*.local.example:8443,127.0.0.1"])
  })
  afterAll(() => server.stop())

  test.each([
    ["streams.example", 404],
    ["STREAMS.example:123", 404],
    ["a.local.example:8443", 404],
    ["a.local.example", 421],
    ["local.example:8443", 421],
    ["evil.example", 421],
    ["streams.example.evil.example", 421],
    ["[::1]", 421],
  ])("a request for %s gets %i", async (host, status) => {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const answer = await ask(server, method, "nothing", { host, body: method === "POST" ? "x" : "" })
      expect([method, statusOf(answer)]).toEqual([method, method === "OPTIONS" && status === 404 ? 204 : status])
      if (status !== 421) continue
      expect(bodyOf(answer).code).toBe("misdirected-request")
      expect(header(answer, "Access-Control-Allow-Origin")).toBe("*")
    }
  })

  test("one that names none is refused", async () => {
    expect(statusOf(await raw(server.url, "GET /v1/stream/x HTTP/1.0\r\n\r\n"))).toBe(421)
    expect(statusOf(await ask(server, "GET", "x", { host: "" }))).toBe(421)
  })

  test("an absolute target's host counts, not the header", async () => {
    const request = (target, host) => raw(server.url, `GET http://${target}/v1/stream/x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect(statusOf(await request("streams.example", "evil.example"))).toBe(404)
    expect(statusOf(await request("evil.example", "streams.example"))).toBe(421)
  })

  test("over HTTP/2 it is the same", async () => {
    const session = connectHttp2(new URL(server.url).origin)
    const status = async (authority) => {
      const request = session.request({ ":path": "/v1/stream/x", ":authority": authority })
      request.end()
      const headers = await new Promise((resolve) => request.on("response", resolve))
      request.resume()
      return headers[constants.HTTP2_HEADER_STATUS]
    }
    expect([await status("streams.example"), await status("evil.example")]).toEqual([404, 421])
    session.destroy()
  })

  test("an allowed host stands in the URLs, with authentication too", async () => {
    const guarded = await startGuarded(folder.path, config, ["--allowed-hosts", "streams.example"])
    try {
      const path = freshPath("host")
      expect(header(await ask(guarded.server, "PUT", path, { host: "streams.example:8080" }), "Location")).toBe(`http://streams.example:8080/v1/stream/${path}`)
      expect(statusOf(await subscribe(guarded.server, "a", "streams.example"))).toBe(201)
    } finally {
      await guarded.server.stop()
    }
  })
})

describe.each([["dev"], ["gateway and storage"]])("a repeated PUT of a subscription, %s", (roles) => {
  const start = (name, args) => (roles === "dev" ? startServer(["dev", ...args]) : startSplit(join(folder.path, name), args, ["--webhook-allow-http-localhost"]))

  test("by another host changes nothing", async () => {
    const server = await start("repeated", [])
    try {
      const first = await subscribe(server, "a", "first.example")
      expect([statusOf(first), jwks(first)]).toEqual([201, "http://first.example/v1/stream/__ds/jwks.json"])
      const again = await subscribe(server, "a", "evil.example")
      expect([statusOf(again), jwks(again)]).toEqual([200, "http://first.example/v1/stream/__ds/jwks.json"])
      expect(jwks(await ask(server, "GET", "__ds/subscriptions/a", { host: "evil.example" }))).toBe("http://first.example/v1/stream/__ds/jwks.json")
    } finally {
      await server.stop()
    }
  })
})

test("a repeated PUT takes a --public-url over that has been configured since", async () => {
  const data = join(folder.path, "configured")
  let server = await startServer(["serve", "--data-dir", data, "--webhook-allow-http-localhost"])
  await subscribe(server, "a", "first.example")
  await server.stop()
  server = await startServer(["serve", "--data-dir", data, "--webhook-allow-http-localhost", "--public-url", "https://streams.example"])
  expect(jwks(await subscribe(server, "a", "evil.example"))).toBe("https://streams.example/v1/stream/__ds/jwks.json")
  await server.stop()
})

test.each([
  [["--allowed-hosts", "https://a.example"], /no host/],
  [["--allowed-hosts", "a*"], /no host/],
  [["--public-url", "streams.example"], /--public-url must begin/],
])("the server does not start with %j", async (args, reason) => {
  await expect(startServer(["dev", ...args])).rejects.toThrow(reason)
})
