// Every way to name a stream in a request, in every spelling, against every kind of credential: what
// one may not touch is not touched, and what one may is.
import { createHash, generateKeyPairSync, sign } from "node:crypto"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, raw, statusOf } from "../harness/streams.js"

const hash = (key) => createHash("sha256").update(key).digest("hex")
const pair = generateKeyPairSync("ed25519")

function jwt(claims) {
  const encode = (json) => Buffer.from(JSON.stringify(json)).toString("base64url")
  const input = `${encode({ alg: "EdDSA", kid: "k" })}.${encode({ iss: "i", exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`
  return `${input}.${sign(null, Buffer.from(input), pair.privateKey).toString("base64url")}`
}

const tenantRules = [
  { paths: ["tenant/*"], operations: ["*"] },
  { paths: ["__ds/subscriptions/tenant-*"], operations: ["subscribe"] },
]
const admin = { name: "admin", sha256: hash("admin"), rules: [{ paths: ["**"], operations: ["*"] }] }

// What a forward_auth service knows that was made for plain requests: the URL and the token.
function decides(request) {
  const path = request.headers["x-forwarded-uri"].split("?")[0]
  if (request.headers.authorization === "Bearer admin") return true
  return request.headers.authorization === "Bearer tenant" && /^\/v1\/stream\/(tenant\/[^/]+|__ds\/subscriptions\/tenant-.*)$/.test(path)
}

const credentials = {
  "an API key": { config: { keys: [admin, { name: "t", sha256: hash("tenant"), rules: tenantRules }] }, token: () => "tenant" },
  "a JWT": {
    config: { keys: [admin], jwt: [{ issuer: "i", jwks_file: "keys.json", rules: [{ paths: ["{sub}/*"], operations: ["*"] }, { paths: ["__ds/subscriptions/{sub}-*"], operations: ["subscribe"] }] }] },
    token: () => jwt({ sub: "tenant" }),
  },
  "a JWT with rules of its own": { config: { keys: [admin], jwt: [{ issuer: "i", jwks_file: "keys.json", rules_claim: "streams" }] }, token: () => jwt({ streams: tenantRules }) },
  "no credential": { config: { keys: [admin], anonymous: { rules: tenantRules } }, token: () => undefined },
  "an external check": { external: true, token: () => "tenant" },
}

// The ways to name a stream. `spelling` is how it stands there; each resolves to the answer's status.
const inUrl = {
  create: (call, name) => call("PUT", name, { headers: { "content-type": "text/plain" } }),
  append: (call, name) => call("POST", name, { headers: { "content-type": "text/plain" }, body: "x" }),
  close: (call, name) => call("POST", name, { headers: { "stream-closed": "true" } }),
  read: (call, name) => call("GET", name),
  head: (call, name) => call("HEAD", name),
  "long-poll": (call, name) => call("GET", `${name}?offset=-1&live=long-poll`),
  sse: (call, name) => call("GET", `${name}?offset=-1&live=sse`),
  delete: (call, name) => call("DELETE", name),
  fork: (call, name) => call("PUT", freshPath("tenant/f"), { headers: { "stream-forked-from": `/v1/stream/${name}` } }),
  "fork by URL": (call, name) => call("PUT", freshPath("tenant/f"), { headers: { "stream-forked-from": `http://test/v1/stream/${name}` } }),
}
const subscribe = (call, body) =>
  call("PUT", `__ds/subscriptions/${freshPath("tenant-s")}`, { headers: { "content-type": "application/json" }, body: JSON.stringify({ type: "pull-wake", wake_stream: "tenant/wake", ...body }) })
const inBody = {
  streams: (call, name) => subscribe(call, { streams: [name] }),
  pattern: (call, name) => subscribe(call, { pattern: name }),
  "wake stream": (call, name) => subscribe(call, { streams: ["tenant/own"], wake_stream: name }),
  "added streams": async (call, name) => {
    const id = freshPath("tenant-s")
    const headers = { "content-type": "application/json" }
    await call("PUT", `__ds/subscriptions/${id}`, { headers, body: JSON.stringify({ type: "pull-wake", wake_stream: "tenant/wake", streams: ["tenant/own"] }) })
    return call("POST", `__ds/subscriptions/${id}/streams`, { headers, body: JSON.stringify({ streams: [name] }) })
  },
}

const everyByte = (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")
// Spellings of streams that the tenant has no right to; none of them is one of the tenant's.
const urlSpellings = ["secret/a", "%73ecret/a", "secret%2Fa", everyByte("secret/a"), "/secret/a", "secret//a", "secret/a/", "SECRET/a", "tenant", "TENANT/own", "tenant/own/deeper", "tenant/../secret/a", "tenant/%2e%2e/secret/a", "tenant%2f..%2fsecret/a", "./secret/a", "__registry__", "%5f_registry__"]
const bodySpellings = ["secret/a", "/secret/a", "secret/a/", "//secret/a//", "tenant", "tenant/", "/tenant/", "SECRET/a", "tenant/own/deeper", "tenant/../secret/a", "__registry__", "/__registry__"]
const patternSpellings = [...bodySpellings.filter((name) => !name.includes("..")), "**", "*/a", "secret/*", "/secret/**", "tenant/**", "t*/*", "**/own", "*", "__registry*"]

describe.each(Object.entries(credentials))("with %s", (_, { config, external, token }) => {
  let folder
  let server
  let checker
  const asked = []
  beforeAll(async () => {
    folder = scratchFolder()
    writeFileSync(join(folder.path, "keys.json"), JSON.stringify({ keys: [{ ...pair.publicKey.export({ format: "jwk" }), kid: "k" }] }))
    const args = ["dev", "--registry", "--long-poll-timeout", "200ms", "--sse-reconnect-interval", "200ms"]
    if (external) {
      checker = createServer((request, response) => {
        asked.push(request.headers)
        const pattern = request.headers["x-durable-streams-path"] === "tenant/*" && request.headers["x-durable-streams-pattern"]
        response.writeHead(decides(request) ? 204 : 403, pattern ? { "x-durable-streams-pattern": "true" } : {}).end()
      }).listen(0, "127.0.0.1")
      await once(checker, "listening")
      args.push("--auth-url", `http://127.0.0.1:${checker.address().port}/`, "--auth-url-cache", "0s")
    } else {
      writeFileSync(join(folder.path, "auth.json"), JSON.stringify(config))
      args.push("--auth-config", join(folder.path, "auth.json"))
    }
    server = await startServer(args)
    for (const [name, type] of [["secret/a", "text/plain"], ["tenant", "text/plain"], ["tenant/own", "text/plain"], ["tenant/wake", "application/json"]]) await as("admin")("PUT", name, { headers: { "content-type": type }, body: type === "text/plain" ? "secret" : undefined })
  })
  afterAll(async () => {
    await server?.stop()
    checker?.close()
    checker?.closeAllConnections()
    folder.remove()
  })

  // Over a socket: fetch would take dots out of a URL.
  const as = (who) => async (method, name, { headers = {}, body = "" } = {}) => {
    const lines = [`${method} /v1/stream/${name} HTTP/1.1`, "Host: test", "Connection: close", `Content-Length: ${Buffer.byteLength(body)}`, ...Object.entries(headers).map(([key, value]) => `${key}: ${value}`)]
    if (who) lines.push(`Authorization: Bearer ${who}`)
    const text = await raw(server.url, `${lines.join("\r\n")}\r\n\r\n${body}`)
    return { status: statusOf(text), text }
  }
  async function untouched() {
    for (const name of ["secret/a", "tenant"]) {
      const { status, text } = await as("admin")("GET", name)
      expect([name, status, text.split("\r\n\r\n")[1], /^stream-closed:/im.test(text)]).toEqual([name, 200, "secret", false])
    }
  }

  test.each(Object.entries(inUrl))("%s reaches nothing else, however it is spelled", async (way, use) => {
    for (const spelling of urlSpellings) {
      const { status, text } = await use(as(token()), spelling)
      expect([spelling, status, text]).toEqual([spelling, expect.toSatisfy((code) => code >= 400 && code < 500), expect.not.stringContaining("\r\n\r\nsecret")])
    }
    await untouched()
    const { status } = await use(as(token()), { create: "tenant/new", delete: freshPath("tenant/none"), close: await own() }[way] ?? "tenant/own")
    expect(status).toSatisfy((code) => (way === "delete" ? code === 404 : code >= 200 && code < 300))
  })

  test.each(Object.entries(inBody))("%s of a subscription reach nothing else, however they are spelled", async (way, use) => {
    for (const spelling of way === "pattern" ? patternSpellings : bodySpellings) {
      const { status } = await use(as(token()), spelling)
      expect([spelling, status]).toEqual([spelling, expect.toSatisfy((code) => [400, 401, 403, 404].includes(code))])
    }
    await untouched()
    const mine = { "wake stream": ["tenant/wake", "/tenant/wake/"], pattern: ["tenant/*", "/tenant/*/"] }[way] ?? ["tenant/own", "/tenant/own/"]
    for (const spelling of mine) expect([spelling, (await use(as(token()), spelling)).status]).toEqual([spelling, expect.toSatisfy((code) => code < 300)])
  })

  async function own() {
    const name = freshPath("tenant/c")
    await as("admin")("PUT", name, { headers: { "content-type": "text/plain" } })
    return name
  }

  test("subscriptions of others cannot be used, nor told from those that are not there", async () => {
    await as("admin")("PUT", "__ds/subscriptions/secret-s", { headers: { "content-type": "application/json" }, body: JSON.stringify({ type: "pull-wake", wake_stream: "tenant/wake", streams: ["secret/a"] }) })
    const json = { "content-type": "application/json" }
    const ways = {
      get: (id) => as(token())("GET", `__ds/subscriptions/${id}`),
      encoded: (id) => as(token())("GET", `__ds/subscriptions/${everyByte(id)}`),
      delete: (id) => as(token())("DELETE", `__ds/subscriptions/${id}`),
      claim: (id) => as(token())("POST", `__ds/subscriptions/${id}/claim`, { headers: json, body: JSON.stringify({ worker: "w" }) }),
      add: (id) => as(token())("POST", `__ds/subscriptions/${id}/streams`, { headers: json, body: JSON.stringify({ streams: ["tenant/own"] }) }),
      remove: (id) => as(token())("DELETE", `__ds/subscriptions/${id}/streams/secret/a`),
      ack: (id) => as("a.bad.token")("POST", `__ds/subscriptions/${id}/ack`, { headers: json, body: JSON.stringify({ wake_id: "w", generation: 1 }) }),
      callback: (id) => as("a.bad.token")("POST", `__ds/subscriptions/${id}/callback`, { headers: json, body: JSON.stringify({ wake_id: "w", generation: 1 }) }),
      release: (id) => as("a.bad.token")("POST", `__ds/subscriptions/${id}/release`, { headers: json, body: JSON.stringify({ wake_id: "w", generation: 1 }) }),
    }
    for (const [way, use] of Object.entries(ways)) {
      const there = await use("secret-s")
      const absent = await use("secret-none")
      const told = ({ status, text }) => [way, status, text.split("\r\n\r\n")[1]]
      expect(told(there)).toEqual(told(absent))
      expect([way, there.status]).toEqual([way, expect.toSatisfy((code) => [401, 403, 404].includes(code))])
    }
    expect((await as("admin")("GET", "__ds/subscriptions/secret-s")).status).toBe(200)
  })

  if (external) {
    test("the external check is asked about each thing that a request does, as if it did only that", async () => {
      asked.length = 0
      await inUrl.fork(as("tenant"), "tenant/own")
      expect(asked.map((headers) => [headers["x-forwarded-method"], headers["x-durable-streams-operation"], headers["x-durable-streams-path"]])).toEqual([
        ["PUT", "create", expect.stringMatching(/^tenant\/f/)],
        ["GET", "read", "tenant/own"],
      ])
      expect(asked[1]["x-forwarded-uri"]).toBe("/v1/stream/tenant/own")
      asked.length = 0
      await subscribe(as("tenant"), { pattern: "tenant/*", streams: ["tenant/own", "tenant/ü b"] })
      expect(asked.map((headers) => [headers["x-durable-streams-operation"], headers["x-durable-streams-path"], headers["x-durable-streams-pattern"]])).toEqual([
        ["subscription", expect.stringMatching(/^__ds\/subscriptions\/tenant-s/), undefined],
        ["read", "tenant/*", "true"],
        ["append", "tenant/wake", undefined],
        ["read", "tenant/own", undefined],
        ["read", "tenant/%C3%BC%20b", undefined],
      ])
      asked.length = 0
      // What needs no escape has none, however it was written.
      await as("tenant")("GET", "%74enant%2Fown?offset=%2D1")
      expect(asked[0]["x-forwarded-uri"]).toBe("/v1/stream/tenant/own?offset=%2D1")
    })
  } else {
    test("the registry is read by those who may list, by whatever way", async () => {
      const { status, text } = await inUrl.fork(as("admin"), "__registry__")
      expect([status, /content-type: application\/json/i.test(text)]).toEqual([201, true])
    })
  }
})

test("a rule whose pattern is not understood stops the start, and says what to write", async () => {
  const folder = scratchFolder()
  for (const [pattern, reason] of [
    ["tenant-**", /'\*\*' must be a whole segment; 'tenant-\*\/\*\*'/],
    ["a*b*", /one '\*'/],
  ]) {
    writeFileSync(join(folder.path, "auth.json"), JSON.stringify({ anonymous: { rules: [{ paths: [pattern], operations: ["read"] }] } }))
    await expect(startServer(["dev", "--auth-config", join(folder.path, "auth.json")])).rejects.toThrow(reason)
  }
  folder.remove()
})
