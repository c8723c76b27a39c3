// Who may do what: API keys, tokens, an external check. Tokens are signed by Node's own crypto.
import { createHash, generateKeyPairSync, sign } from "node:crypto"
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, sse, streams, until } from "../harness/streams.js"

let folder
let cleanups
beforeEach(() => {
  folder = scratchFolder()
  cleanups = []
})
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  folder.remove()
})

const hash = (key) => createHash("sha256").update(key).digest("hex")
const bearer = (token) => ({ authorization: `Bearer ${token}` })
const all = [{ paths: ["**"], operations: ["*"] }]

/** A server under this configuration; `configure` writes another one. */
async function guarded(config, args = []) {
  const file = join(folder.path, "auth.json")
  const configure = (next) => writeFileSync(file, JSON.stringify(next))
  configure(config)
  const server = await startServer(["dev", "--auth-config", file, ...args])
  cleanups.push(() => server.stop())
  const as = (token) => (method, path, { headers = {}, ...rest } = {}) => streams(server.url).call(method, path, { headers: { ...(token ? bearer(token) : {}), ...headers }, ...rest })
  return { server, configure, as }
}

const text = { headers: { "content-type": "text/plain" } }

const pairs = {
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
}
const jwk = (alg, kid = alg) => ({ ...pairs[alg].publicKey.export({ format: "jwk" }), kid, use: "sig", alg })

function token(alg, claims = {}, { kid = alg, header = {}, key = pairs[alg]?.privateKey } = {}) {
  const now = Math.floor(Date.now() / 1000)
  const encode = (json) => Buffer.from(JSON.stringify(json)).toString("base64url")
  const body = { iss: "https://issuer", aud: "streams", sub: "ada", exp: now + 60, ...claims }
  const input = `${encode({ alg, kid, ...header })}.${encode(body)}`
  if (alg === "none") return `${input}.`
  const digest = alg === "EdDSA" ? null : "sha256"
  return `${input}.${sign(digest, Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`
}

const jwtConfig = (more) => ({
  jwt: [{ issuer: "https://issuer", audience: "streams", clock_skew_seconds: 0, rules: [{ paths: ["users/{sub}/**"], operations: ["*"] }, { paths: ["public/*"], operations: ["read"] }], ...more }],
})

test("an API key may do what its rules say, and nothing else", async () => {
  const { as } = await guarded({
    keys: [
      { name: "admin", sha256: hash("admin-key"), rules: all },
      { name: "writer", sha256: hash("writer-key"), rules: [{ paths: ["log/*"], operations: ["append", "create"] }] },
      { name: "reader", sha256: hash("reader-key"), rules: [{ paths: ["log/**"], operations: ["read"] }] },
    ],
  })
  const admin = as("admin-key")
  const writer = as("writer-key")
  const reader = as("reader-key")
  expect((await writer("PUT", "log/a", text)).status).toBe(201)
  expect((await writer("POST", "log/a", { ...text, body: "x" })).status).toBe(204)
  expect((await reader("GET", "log/a")).text).toBe("x")
  expect((await reader("HEAD", "log/a")).status).toBe(200)
  // What one sees but may not do is forbidden; what one does not see is not there.
  for (const [who, method, path, status] of [
    [writer, "GET", "log/a", 403],
    [writer, "DELETE", "log/a", 403],
    [reader, "POST", "log/a", 403],
    [reader, "PUT", "log/b", 403],
    [reader, "GET", "log/none", 404],
    [writer, "PUT", "other", 403],
    [reader, "GET", "secret", 404],
    [reader, "POST", "secret", 404],
    [reader, "DELETE", "secret", 404],
    [reader, "PUT", "secret", 403],
  ]) {
    if (path === "secret") await admin("PUT", "secret", text)
    const answer = await who(method, path, { ...text, body: method === "POST" ? "x" : undefined })
    expect([method, path, answer.status]).toEqual([method, path, status])
    await admin("DELETE", "secret")
    const absent = await who(method, path, { ...text, body: method === "POST" ? "x" : undefined })
    if (path === "secret") expect([absent.status, absent.text]).toEqual([answer.status, answer.text])
  }
  expect((await admin("DELETE", "log/a")).status).toBe(204)
})

test("no key, a wrong key, and other schemes are 401 with a challenge", async () => {
  const { as } = await guarded({ keys: [{ name: "admin", sha256: hash("admin-key"), rules: all }] })
  const none = await as()("GET", "a")
  expect(none.status).toBe(401)
  expect(none.headers.get("www-authenticate")).toBe("Bearer")
  expect(JSON.parse(none.text).code).toBe("unauthenticated")
  const wrong = await as("wrong")("GET", "a")
  expect(wrong.status).toBe(401)
  expect(wrong.headers.get("www-authenticate")).toContain("invalid_token")
  const basic = await as()("GET", "a", { headers: { authorization: "Basic YWRtaW4ta2V5" } })
  expect(basic.status).toBe(401)
  // The hash is not the key.
  expect((await as(hash("admin-key"))("GET", "a")).status).toBe(401)
  // Browsers ask before they send credentials.
  expect((await as()("OPTIONS", "a")).status).toBe(204)
})

test("answers to authenticated reads are private, to anonymous ones public", async () => {
  const { as } = await guarded({ anonymous: { rules: [{ paths: ["public/*"], operations: ["read"] }] }, keys: [{ name: "admin", sha256: hash("k"), rules: all }] })
  await as("k")("PUT", "public/a", { ...text, body: "x" })
  expect((await as()("GET", "public/a")).headers.get("cache-control")).toMatch(/^public/)
  expect((await as("k")("GET", "public/a")).headers.get("cache-control")).toMatch(/^private/)
  expect((await as()("GET", "private/a")).status).toBe(401)
  expect((await as()("POST", "public/a", { ...text, body: "x" })).status).toBe(401)
})

test("keys are changed while the server runs; a broken file changes nothing", async () => {
  const { server, configure, as } = await guarded({ keys: [{ name: "a", sha256: hash("old"), rules: all }] })
  expect((await as("old")("GET", "x")).status).toBe(404)
  configure({ keys: [{ name: "a", sha256: hash("new"), rules: all }, { name: "b", sha256: hash("late"), rules: all, expires: "2020-01-01T00:00:00Z" }] })
  await until(async () => (await as("new")("GET", "x")).status === 404, 5000)
  expect((await as("old")("GET", "x")).status).toBe(401)
  expect((await as("late")("GET", "x")).status).toBe(401)
  writeFileSync(join(folder.path, "auth.json"), "{ this is not JSON")
  await until(() => server.errors().includes("stays in force"), 5000)
  expect((await as("new")("GET", "x")).status).toBe(404)
})

test.each(["RS256", "ES256", "EdDSA"])("tokens signed with %s, by JWKS file and by PEM file", async (alg) => {
  writeFileSync(join(folder.path, "keys.json"), JSON.stringify({ keys: [jwk("RS256"), jwk("ES256"), jwk("EdDSA")] }))
  writeFileSync(join(folder.path, "key.pem"), pairs[alg].publicKey.export({ format: "pem", type: "spki" }))
  for (const source of [{ jwks_file: "keys.json" }, { key_file: "key.pem" }]) {
    const { as } = await guarded(jwtConfig(source))
    const ada = as(token(alg))
    expect((await ada("PUT", "users/ada/notes", { ...text, body: "mine" })).status).toBe(201)
    expect((await ada("GET", "users/ada/notes")).text).toBe("mine")
    const eve = as(token(alg, { sub: "eve" }))
    expect((await eve("GET", "users/ada/notes")).status).toBe(404)
    expect((await as(token(alg, { sub: "*" }))("GET", "users/ada/notes")).status).toBe(404)
  }
})

test("tokens that are not good are refused, each for its reason", async () => {
  writeFileSync(join(folder.path, "keys.json"), JSON.stringify({ keys: [jwk("RS256"), jwk("ES256"), jwk("EdDSA")] }))
  const { as } = await guarded(jwtConfig({ jwks_file: "keys.json" }))
  const now = Math.floor(Date.now() / 1000)
  const stranger = generateKeyPairSync("ed25519").privateKey
  const publicAsSecret = () => {
    // The classic confusion: an HMAC whose secret is the public key.
    const input = token("RS256").split(".").slice(0, 2)
    return [Buffer.from(JSON.stringify({ alg: "HS256", kid: "RS256" })).toString("base64url"), input[1], "AAAA"].join(".")
  }
  const bad = {
    expired: token("EdDSA", { exp: now - 1 }),
    early: token("EdDSA", { nbf: now + 60 }),
    "another issuer": token("EdDSA", { iss: "https://other" }),
    "another audience": token("EdDSA", { aud: "other" }),
    "no expiry": token("EdDSA", { exp: undefined }),
    none: token("none"),
    "a stranger's signature": token("EdDSA", {}, { key: stranger }),
    "an unknown key": token("EdDSA", {}, { kid: "unknown" }),
    "an algorithm of another key": token("EdDSA", {}, { header: { alg: "RS256" }, kid: "RS256" }),
    "an HMAC with the public key": publicAsSecret(),
    "changed claims": token("EdDSA").replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ iss: "https://issuer", aud: "streams", sub: "root", exp: now + 60 })).toString("base64url")}.`),
  }
  for (const [name, value] of Object.entries(bad)) expect([name, (await as(value)("GET", "users/ada/notes")).status]).toEqual([name, 401])
  expect((await as(token("EdDSA"))("GET", "users/ada/notes")).status).toBe(404)
})

test("keys by URL are cached, and fetched anew when they are rotated", async () => {
  let keys = [jwk("RS256")]
  let fetches = 0
  const issuer = createServer((_, response) => {
    fetches++
    response.end(JSON.stringify({ keys }))
  }).listen(0, "127.0.0.1")
  await once(issuer, "listening")
  cleanups.push(() => issuer.close())
  const { as } = await guarded(jwtConfig({ jwks_url: `http://127.0.0.1:${issuer.address().port}/jwks.json` }))
  for (let i = 0; i < 20; i++) expect((await as(token("RS256", { n: i }))("GET", "users/ada/x")).status).toBe(404)
  expect(fetches).toBeLessThan(3)
  keys = [jwk("RS256"), jwk("EdDSA")]
  // Keys that were just fetched are not fetched again at once, whatever a token says.
  await new Promise((resolve) => setTimeout(resolve, 5200))
  expect((await as(token("EdDSA"))("GET", "users/ada/x")).status).toBe(404)
  const before = fetches
  await Promise.all(Array.from({ length: 20 }, (_, i) => as(token("ES256", {}, { kid: `invented-${i}` }))("GET", "users/ada/x")))
  expect(fetches).toBeLessThan(before + 2)
})

test("while an issuer cannot be reached its tokens are refused for now, not for good", async () => {
  const { as } = await guarded(jwtConfig({ jwks_url: "http://127.0.0.1:9/jwks.json" }))
  const answer = await as(token("RS256"))("GET", "users/ada/x")
  expect(answer.status).toBe(503)
  expect(answer.headers.get("retry-after")).toBeTruthy()
})

test("a live read ends when its token does", async () => {
  writeFileSync(join(folder.path, "keys.json"), JSON.stringify({ keys: [jwk("EdDSA")] }))
  const { server, as } = await guarded(jwtConfig({ jwks_file: "keys.json" }), ["--long-poll-timeout", "20s"])
  await as(token("EdDSA"))("PUT", "users/ada/live", text)
  const soon = token("EdDSA", { exp: Math.floor(Date.now() / 1000) + 3 })
  const begin = Date.now()
  const read = async (mode) => (await fetch(`${server.url}users/ada/live?offset=now&live=${mode}`, { headers: bearer(soon) })).text()
  await Promise.all([read("sse"), read("long-poll")])
  expect(Date.now() - begin).toBeLessThan(6000)
  expect((await as(soon)("GET", "users/ada/live")).status).toBe(401)
})

test("tokens may bring rules of their own where the configuration says so", async () => {
  writeFileSync(join(folder.path, "keys.json"), JSON.stringify({ keys: [jwk("EdDSA")] }))
  const { as } = await guarded(jwtConfig({ jwks_file: "keys.json", rules_claim: "streams" }))
  const capable = as(token("EdDSA", { streams: [{ paths: ["granted"], operations: ["create", "read"] }] }))
  expect((await capable("PUT", "granted", text)).status).toBe(201)
  expect((await capable("POST", "granted", { ...text, body: "x" })).status).toBe(403)
  expect((await as(token("EdDSA", { streams: "everything" }))("GET", "granted")).status).toBe(401)
})

test("forks need the right to read their source, subscriptions that to read their streams", async () => {
  const { server, as } = await guarded({
    keys: [
      { name: "admin", sha256: hash("admin"), rules: all },
      { name: "tenant", sha256: hash("tenant"), rules: [{ paths: ["mine/**", "__ds/subscriptions/mine-*"], operations: ["*"] }] },
    ],
  })
  const root = new URL(server.url).pathname
  await as("admin")("PUT", "theirs/a", { ...text, body: "secret" })
  await as("tenant")("PUT", "mine/a", { ...text, body: "x" })
  const fork = (source) => as("tenant")("PUT", freshPath("mine/f"), { headers: { "stream-forked-from": root + source } })
  expect((await fork("theirs/a")).status).toBe(404)
  expect((await fork("mine/a")).status).toBe(201)
  await as("tenant")("PUT", "mine/wake", { headers: { "content-type": "application/json" } })
  const subscribe = (id, body) => as("tenant")("PUT", `__ds/subscriptions/${id}`, { headers: { "content-type": "application/json" }, body: JSON.stringify({ type: "pull-wake", wake_stream: "mine/wake", ...body }) })
  expect((await subscribe("mine-1", { pattern: "mine/*" })).status).toBe(201)
  expect((await subscribe("mine-2", { pattern: "**" })).status).toBe(403)
  expect((await subscribe("mine-3", { streams: ["theirs/a"] })).status).toBe(403)
  expect((await subscribe("mine-4", { streams: ["mine/a"], wake_stream: "theirs/a" })).status).toBe(403)
  expect((await subscribe("theirs-1", { pattern: "mine/*" })).status).toBe(404)
  expect((await as("tenant")("GET", "__ds/subscriptions/theirs-1")).status).toBe(404)
  expect((await as()("GET", "__ds/jwks.json")).status).toBe(200)
})

test("the registry is for those who may list", async () => {
  const { as } = await guarded(
    { keys: [{ name: "reader", sha256: hash("reader"), rules: [{ paths: ["**"], operations: ["read"] }] }, { name: "lister", sha256: hash("lister"), rules: [{ paths: ["__registry__"], operations: ["list"] }] }] },
    ["--registry"],
  )
  expect((await as("reader")("GET", "__registry__")).status).toBe(403)
  expect((await as("lister")("GET", "__registry__")).status).toBe(200)
})

test("an external check decides, its answers are cached, and its failure refuses", async () => {
  const asked = []
  const checker = createServer((request, response) => {
    asked.push(request.headers)
    const who = request.headers.authorization
    if (who === "Bearer good") response.writeHead(204, { "remote-user": "ada" })
    else if (who === "Bearer odd") response.writeHead(500)
    else if (who) response.writeHead(403)
    else response.writeHead(401, { "www-authenticate": 'Basic realm="there"' })
    response.end()
  }).listen(0, "127.0.0.1")
  await once(checker, "listening")
  cleanups.push(() => checker.close())
  const server = await startServer(["dev", "--auth-url", `http://127.0.0.1:${checker.address().port}/check`])
  cleanups.push(() => server.stop())
  const call = (who, path = "a") => streams(server.url).call("GET", path, { headers: who ? { authorization: `Bearer ${who}` } : {}, query: "?offset=-1" })
  expect((await call("good")).status).toBe(404)
  expect(asked[0]).toMatchObject({ "x-forwarded-method": "GET", "x-forwarded-uri": "/v1/stream/a?offset=-1", "x-forwarded-proto": "http", "x-durable-streams-operation": "read", authorization: "Bearer good" })
  for (let i = 0; i < 5; i++) await call("good")
  expect(asked.length).toBe(1)
  expect((await call("bad")).status).toBe(403)
  const none = await call()
  expect(none.status).toBe(401)
  expect(none.headers.get("www-authenticate")).toBe('Basic realm="there"')
  expect((await call("odd")).status).toBe(503)
  checker.close()
  checker.closeAllConnections()
  await until(async () => (await call("good", "b")).status === 503, 5000)
})

test("credentials reach no log, however much is logged", async () => {
  const file = join(folder.path, "auth.json")
  writeFileSync(file, JSON.stringify({ keys: [{ name: "a", sha256: hash("secret-key"), rules: all }] }))
  const server = await startServer(["dev", "--auth-config", file, "--access-log", "--log-level", "trace"])
  await streams(server.url).call("GET", "x", { headers: bearer("secret-key") })
  await streams(server.url).call("GET", "x", { headers: bearer("wrong-secret") })
  await streams(server.url).call("GET", "x", { headers: { authorization: "Basic c2VjcmV0LWtleQ==" }, query: "?offset=secret-key" })
  await server.stop()
  expect(server.errors()).toContain("operation=read path=x status=401")
  expect(server.errors()).toContain("client=key:a")
  expect(server.errors()).not.toMatch(/secret-key|wrong-secret|c2VjcmV0/)
})

test("new-api-key prints a key and the hash under which it is configured", async () => {
  const { stdout, status } = spawnSync(binary, ["new-api-key"])
  expect(status).toBe(0)
  const [, key, sha256] = /^key: (\S+)\nsha256: ([0-9a-f]{64})\n$/.exec(String(stdout))
  expect(hash(key)).toBe(sha256)
})

test.each([
  [["--auth-config", "/nonexistent"], /cannot read/],
  [["--auth-config", "/dev/null"], /parse error/],
])("the server does not start with %j", async (args, reason) => {
  await expect(startServer(["dev", ...args])).rejects.toThrow(reason)
})

test("serving without authentication is said at the start", async () => {
  const server = await startServer(["serve", "--data-dir", join(folder.path, "data")])
  cleanups.push(() => server.stop())
  expect(server.errors()).toContain("authentication is off")
})
