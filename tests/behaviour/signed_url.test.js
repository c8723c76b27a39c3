// URLs that carry their own right, for those who can send no header.
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { connect as connectHttp2, constants } from "node:http2"
import { join } from "node:path"
import { stream } from "@durable-streams/client"
import { afterAll, beforeAll, expect, test } from "vitest"
import { basic, bearer, everything, keyHash, signedQuery, startGuarded } from "../harness/auth.js"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, sse, streams, until } from "../harness/streams.js"

const text = { "content-type": "text/plain" }
const secret = "a-secret-of-the-tests-with-32-bytes-or-more"
const older = "another-secret-of-the-tests-with-32-bytes-or-more"
const config = (more = {}) => ({
  keys: [
    { name: "admin", sha256: keyHash("admin"), rules: everything },
    { name: "chat", sha256: keyHash("chat"), rules: [{ paths: ["chat/**"], operations: ["read", "append"] }], expires: new Date(Date.now() + 60_000).toISOString() },
  ],
  anonymous: { rules: [{ paths: ["public/*"], operations: ["read"] }] },
  url_signing: { keys: [{ id: "new", secret_file: "secret" }, { id: "old", secret: older }], max_lifetime_seconds: 3600 },
  ...more,
})

let folder, guarded, admin
beforeAll(async () => {
  folder = scratchFolder()
  writeFileSync(join(folder.path, "secret"), `${secret}\n`)
  guarded = await startGuarded(folder.path, config(), ["--access-log", "--log-level", "trace", "--long-poll-timeout", "20s"])
  admin = guarded.as("admin")
})
afterAll(async () => {
  await guarded?.server.stop()
  folder.remove()
})

const query = ({ key = "new", with: mine = key === "new" ? secret : older, ...rest }) => signedQuery({ key, secret: mine, ...rest })
const code = (answer) => JSON.parse(answer.text).code
/** A path of a stream with this body, made by the administrator. */
async function made(prefix, body = "") {
  const path = freshPath(prefix)
  expect((await admin("PUT", path, { headers: text, body })).status).toBe(201)
  return path
}

test("a URL signed for reading reads, by every live mode, and does nothing else", async () => {
  const path = await made("s/read", "hello")
  const signed = query({ path })
  const get = (more, method = "GET") => guarded.call(method, path, { query: `?${more}${signed}` })
  const read = await get("offset=-1&")
  expect(read.text).toBe("hello")
  expect(read.headers.get("cache-control")).toMatch(/^private/)
  expect(read.headers.get("referrer-policy")).toBe("no-referrer")
  expect((await get("")).text).toBe("hello")
  expect((await get("", "HEAD")).status).toBe(200)
  expect((await get("offset=-1&live=long-poll&")).text).toBe("hello")
  const events = await sse(`${guarded.server.url}${path}?offset=-1&live=sse&${signed}`)
  await events.until(() => events.data().length > 0)
  events.close()
  expect((await guarded.call("POST", path, { query: `?${signed}`, headers: text, body: "x" })).status).toBe(403)
  expect((await get("", "DELETE")).status).toBe(403)
  expect((await guarded.call("PUT", path, { query: `?${signed}`, headers: text })).status).toBe(403)
  expect((await admin("GET", path)).text).toBe("hello")
  // Answers to others say nothing of it.
  expect((await admin("GET", path)).headers.get("referrer-policy")).toBeNull()
})

test("caches keep an answer no longer than its URL is good", async () => {
  const path = await made("s/kept", "hello")
  await admin("POST", path, { headers: { ...text, "stream-closed": "true" } })
  const tail = (await admin("GET", path, { query: "?offset=-1" })).offset
  const first = (await guarded.call("GET", path, { query: `?offset=now&${query({ path })}` })).offset
  expect(first).toBe(tail)
  const zero = tail.replace(/\d+$/, (digits) => "0".repeat(digits.length))
  const age = async (more, headers) => Number(/max-age=(\d+), immutable/.exec((await guarded.call("GET", path, { query: `?offset=${zero}${more}`, headers })).headers.get("cache-control"))?.[1])
  expect(await age("", bearer("admin"))).toBeGreaterThan(1000)
  const left = await age(`&${query({ path })}`)
  expect(left).toBeLessThanOrEqual(60)
  expect(left).toBeGreaterThan(50)
})

test("other operations work where they are signed for", async () => {
  const path = freshPath("s/write")
  const call = (method, operations, more = {}) => guarded.call(method, path, { query: `?${query({ path, operations })}`, headers: text, ...more })
  const created = await call("PUT", "create")
  expect(created.status).toBe(201)
  expect(created.headers.get("location")).not.toContain("ds-")
  expect((await call("POST", "append,create", { body: "x" })).status).toBe(204)
  expect((await call("GET", "read,append")).text).toBe("x")
  expect((await call("DELETE", "append")).status).toBe(403)
  expect((await call("DELETE", "delete")).status).toBe(204)
})

test("over HTTP/2 it is the same", async () => {
  const path = await made("s/http2", "hello")
  const session = connectHttp2(new URL(guarded.server.url).origin)
  const ask = async (target) => {
    const request = session.request({ ":path": new URL(guarded.server.url).pathname + target })
    request.end()
    const headers = await new Promise((resolve) => request.on("response", resolve))
    request.resume()
    return [headers[constants.HTTP2_HEADER_STATUS], headers["referrer-policy"]]
  }
  expect(await ask(`${path}?${query({ path })}`)).toEqual([200, "no-referrer"])
  expect(await ask(`${path}?${query({ path, expires: 1 })}`)).toEqual([401, "no-referrer"])
  session.destroy()
})

test("a pattern is good for the paths that it matches, and for no other", async () => {
  const [one, two, other] = [await made("t/a/one", "1"), await made("t/a/two", "2"), await made("t/b/three", "3")]
  const signed = query({ pattern: "t/a/*" })
  expect((await guarded.call("GET", one, { query: `?${signed}` })).text).toBe("1")
  expect((await guarded.call("GET", two, { query: `?${signed}` })).text).toBe("2")
  // As everything that one has no right on: not there.
  expect((await guarded.call("GET", other, { query: `?${signed}` })).status).toBe(404)
  const fork = (source) => guarded.call("PUT", freshPath("t/a/fork"), { query: `?${query({ pattern: "t/a/*", operations: "create,read" })}`, headers: { "stream-forked-from": new URL(guarded.server.url).pathname + source } })
  expect((await fork(one)).status).toBe(201)
  expect((await fork(other)).status).toBe(404)
})

test("a star in a path that was signed is a star", async () => {
  const star = "s/star/*"
  await admin("PUT", encodeURIComponent(star), { headers: text, body: "star" })
  await admin("PUT", "s/star/x", { headers: text, body: "x" })
  const signed = query({ path: star })
  expect((await guarded.call("GET", "s/star/%2A", { query: `?${signed}` })).text).toBe("star")
  const wider = await guarded.call("GET", "s/star/x", { query: `?${signed}&ds-pattern=s/star/*` })
  expect([wider.status, code(wider)]).toEqual([401, "url-signature-invalid"])
})

test("expired, wrong and unreadable ones are refused, each by its code", async () => {
  const path = await made("s/refused", "hello")
  const now = Math.floor(Date.now() / 1000)
  const good = query({ path })
  const changed = (name, value) => {
    const parameters = new URLSearchParams(good)
    parameters.set(name, value)
    return parameters.toString()
  }
  const cases = {
    expired: [query({ path, expires: now - 1 }), "url-expired"],
    "with another secret": [query({ path, with: older }), "url-signature-invalid"],
    "expired and forged": [query({ path, expires: now - 1, with: older }), "url-signature-invalid"],
    "of another path": [query({ path: "s/other" }), "url-signature-invalid"],
    "with an unknown key": [query({ path, key: "none" }), "url-signature-invalid"],
    "with a later expiry": [changed("ds-expires", String(now + 600)), "url-signature-invalid"],
    "with more operations": [changed("ds-operations", "read,append"), "url-signature-invalid"],
    "with a signer": [changed("ds-signer", "key:0123456789abcdef"), "url-signature-invalid"],
    "with a parameter that is not known": [`${good}&ds-region=eu`, "url-signature-invalid"],
    "twice signed": [`${good}&ds-signature=x`, "url-signature-invalid"],
    "with an empty signature": [changed("ds-signature", ""), "url-signature-invalid"],
    "for subscriptions": [query({ path, operations: "subscribe" }), "url-signature-invalid"],
    "for everything": [query({ path, operations: "*" }), "url-signature-invalid"],
  }
  for (const [name, [signed, expected]] of Object.entries(cases)) {
    for (const method of ["GET", "POST"]) {
      const answer = await guarded.call(method, path, { query: `?${signed}`, headers: text, body: method === "POST" ? "x" : undefined })
      expect([name, method, answer.status, code(answer)]).toEqual([name, method, 401, expected])
      expect(answer.headers.get("www-authenticate")).toBe("Bearer")
      expect(answer.headers.get("referrer-policy")).toBe("no-referrer")
    }
  }
  // A credential that is not good is not forgotten for what everybody may do.
  await admin("PUT", "public/a", { headers: text, body: "open" })
  expect((await guarded.call("GET", "public/a")).text).toBe("open")
  expect((await guarded.call("GET", "public/a", { query: `?${query({ path: "public/a", with: older })}` })).status).toBe(401)
  expect((await admin("GET", path)).text).toBe("hello")
})

test("a signed URL and the header Authorization exclude each other", async () => {
  const path = await made("s/both", "hello")
  for (const headers of [bearer("admin"), bearer("wrong"), basic("a", "admin")]) {
    const answer = await guarded.call("GET", path, { query: `?${query({ path })}`, headers })
    expect([answer.status, code(answer)]).toEqual([400, "bad-request"])
  }
})

test("a live read ends when its URL does", async () => {
  const path = await made("s/live")
  const signed = query({ path, expires: Math.floor(Date.now() / 1000) + 3 })
  const begin = Date.now()
  const read = async (mode) => (await fetch(`${guarded.server.url}${path}?offset=now&live=${mode}&${signed}`)).text()
  await Promise.all([read("sse"), read("long-poll")])
  expect(Date.now() - begin).toBeGreaterThan(1000)
  expect(Date.now() - begin).toBeLessThan(6000)
  expect(code(await guarded.call("GET", path, { query: `?${signed}` }))).toBe("url-expired")
})

test("the official client follows a stream by a signed URL", async () => {
  const path = freshPath("s/client")
  await admin("PUT", path, { headers: { "content-type": "application/json" }, body: '[{"n":1}]' })
  const seen = []
  const response = await stream({ url: `${guarded.server.url}${path}?${query({ path })}`, offset: "-1", live: "sse", json: true })
  const stop = response.subscribeJson(({ items }) => void seen.push(...items))
  await until(() => seen.length === 1)
  await admin("POST", path, { headers: { "content-type": "application/json" }, body: '[{"n":2}]' })
  await until(() => seen.length === 2)
  stop()
  response.cancel()
  expect(seen).toEqual([{ n: 1 }, { n: 2 }])
})

const sign = (key, body, headers = {}) =>
  guarded.call("POST", "__ds/sign-url", { headers: { ...(key ? bearer(key) : {}), ...headers }, body: typeof body === "string" ? body : JSON.stringify(body) })

test("the API signs what its caller may do itself", async () => {
  const path = await made("chat/issued", "hello")
  const answer = await sign("chat", { path, operations: ["read", "append"], expires_in_seconds: 30 })
  expect(answer.status).toBe(200)
  expect(answer.headers.get("cache-control")).toBe("no-store")
  const { url, query: signed, expires_at } = JSON.parse(answer.text)
  expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(30_000)
  expect(Date.parse(expires_at) - Date.now()).toBeGreaterThan(25_000)
  // The server does not know its own URL here, so it gives a path.
  expect(url).toBe(`${new URL(guarded.server.url).pathname}${path}?${signed}`)
  const full = new URL(url, guarded.server.url)
  expect(await (await fetch(full)).text()).toBe("hello")
  expect((await fetch(full, { method: "POST", headers: text, body: "!" })).status).toBe(204)
  expect((await fetch(full, { method: "DELETE" })).status).toBe(403)
  const wide = JSON.parse((await sign("chat", { pattern: "chat/**", operations: ["read"] })).text)
  expect(wide.url).toBeUndefined()
  expect((await guarded.call("GET", path, { query: `?${wide.query}` })).text).toBe("hello!")
})

test("the API signs for no longer than the credential and the configuration allow", async () => {
  const ends = async (key, more) => (Date.parse(JSON.parse((await sign(key, { path: "chat/x", operations: ["read"], ...more })).text).expires_at) - Date.now()) / 1000
  expect(await ends("admin", {})).toBeGreaterThan(3590)
  expect(await ends("admin", { expires_in_seconds: 1_000_000 })).toBeLessThanOrEqual(3600)
  expect(await ends("chat", { expires_in_seconds: 1_000_000 })).toBeLessThanOrEqual(60)
})

test("the API refuses what its caller may not do, and those who may not sign", async () => {
  const read = { path: "chat/x", operations: ["read"] }
  const issued = JSON.parse((await sign("chat", read)).text).query
  const refusals = [
    ["chat", { path: "chat/x", operations: ["delete"] }, 403],
    ["chat", { path: "chat/x", operations: ["read", "create"] }, 403],
    ["chat", { path: "other", operations: ["read"] }, 403],
    ["chat", { pattern: "**", operations: ["read"] }, 403],
    ["chat", { pattern: "chat*", operations: ["read"] }, 403],
    [undefined, { path: "public/a", operations: ["read"] }, 401],
    ["wrong", read, 401],
    ["chat", { operations: ["read"] }, 400],
    ["chat", { ...read, pattern: "chat/*" }, 400],
    ["chat", { ...read, path: "" }, 400],
    ["chat", { ...read, path: "a/../b" }, 400],
    ["chat", { ...read, path: "a\nb" }, 400],
    ["admin", { ...read, path: "__ds/subscriptions/x" }, 400],
    ["chat", { ...read, operations: [] }, 400],
    ["chat", { ...read, operations: "read" }, 400],
    ["chat", { ...read, operations: ["*"] }, 400],
    ["chat", { ...read, operations: ["raed"] }, 400],
    ["chat", { ...read, expires_in_seconds: 0 }, 400],
    ["chat", { ...read, expires_in_seconds: "60" }, 400],
    ["chat", { ...read, expires: 60 }, 400],
    ["chat", "[]", 400],
    ["chat", "{", 400],
    ["chat", "[".repeat(20_000), 413],
  ]
  for (const [key, body, status] of refusals) {
    const answer = await sign(key, body)
    expect([key, body, answer.status]).toEqual([key, body, status])
  }
  const bySigned = await guarded.call("POST", "__ds/sign-url", { query: `?${issued}`, body: JSON.stringify(read) })
  expect(bySigned.status).toBe(401)
  const bySignedPattern = await guarded.call("POST", "__ds/sign-url", { query: `?${query({ pattern: "**", operations: "read,append,create,delete,list" })}`, body: JSON.stringify(read) })
  expect(bySignedPattern.status).toBe(403)
  const get = await admin("GET", "__ds/sign-url")
  expect(get.status).toBe(405)
})

test("secrets and signers are changed while the server runs", async () => {
  const own = scratchFolder()
  writeFileSync(join(own.path, "secret"), secret)
  const other = await startGuarded(own.path, config())
  try {
    await other.as("admin")("PUT", "chat/rotated", { headers: text, body: "hello" })
    const status = async (signed) => (await other.call("GET", "chat/rotated", { query: `?${signed}` })).status
    const oldOne = query({ path: "chat/rotated", key: "old" })
    const newOne = query({ path: "chat/rotated" })
    const ask = await other.call("POST", "__ds/sign-url", { headers: bearer("chat"), body: JSON.stringify({ path: "chat/rotated", operations: ["read"] }) })
    const issued = JSON.parse(ask.text).query
    expect(issued).toContain("ds-key=new&")
    expect([await status(oldOne), await status(newOne), await status(issued)]).toEqual([200, 200, 200])
    // The old one is removed, and so is the API key that had one signed.
    other.configure(config({ url_signing: { keys: [{ id: "new", secret_file: "secret" }] }, keys: [config().keys[0]] }))
    await until(async () => (await status(oldOne)) === 401, 5000)
    expect([await status(newOne), await status(issued)]).toEqual([200, 401])
    // A secret in a file is read again when the file changes.
    writeFileSync(join(own.path, "secret"), `${older}-changed`)
    await until(async () => (await status(newOne)) === 401, 5000)
    expect(await status(query({ path: "chat/rotated", with: `${older}-changed` }))).toBe(200)
  } finally {
    await other.server.stop()
    own.remove()
  }
})

test("an external check sees the URL without its signature, and both must agree", async () => {
  const { createServer } = await import("node:http")
  const asked = []
  const checker = createServer((request, response) => {
    asked.push(request.headers["x-forwarded-uri"])
    response.writeHead(request.headers["x-forwarded-uri"].includes("denied") ? 403 : 204)
    response.end()
  }).listen(0, "127.0.0.1")
  await new Promise((resolve) => checker.once("listening", resolve))
  const other = await startGuarded(folder.path, config(), ["--auth-url", `http://127.0.0.1:${checker.address().port}/`])
  try {
    const signed = query({ path: "s/x" })
    expect((await other.call("GET", "s/x", { query: `?offset=-1&${signed}&live=sse` })).status).toBe(404)
    expect((await other.call("GET", "s/x", { query: `?${signed.replace("ds-signature", "ds%2Dsignature")}` })).status).toBe(404)
    expect((await other.call("GET", "s/denied", { query: `?${query({ path: "s/denied" })}` })).status).toBe(403)
    expect((await other.call("GET", "s/x", { query: `?${query({ path: "s/y" })}` })).status).toBe(401)
    expect(asked.length).toBe(3)
    expect(asked[0]).toMatch(/^\/v1\/stream\/s\/x\?offset=-1&ds-key=new&ds-expires=\d+&ds-operations=read&live=sse$/)
    expect(asked.join()).not.toContain("signature")
  } finally {
    await other.server.stop()
    checker.close()
  }
})

test("limits count for a signer and an address, however many URLs there are", async () => {
  const other = await startGuarded(folder.path, config(), ["--limit-requests", "1", "--limit-request-burst", "3", "--client-address-header", "x-client"])
  try {
    const status = async (number, address) => (await other.call("HEAD", `s/${number}`, { query: `?${query({ path: `s/${number}` })}`, headers: { "x-client": address } })).status
    for (let i = 0; i < 3; i++) expect(await status(i, "203.0.113.1")).toBe(404)
    expect(await status(4, "203.0.113.1")).toBe(429)
    expect(await status(4, "203.0.113.2")).toBe(404)
  } finally {
    await other.server.stop()
  }
})

test("the command signs as the server verifies", async () => {
  const path = await made("s/command ü", "hello")
  const run = (...args) => spawnSync(binary, ["sign-url", "--auth-config", guarded.file, "--root", guarded.server.url, ...args])
  const { stdout, status } = run("--path", path)
  expect(status).toBe(0)
  expect(String(stdout)).toContain("ds-key=new&")
  expect(await (await fetch(String(stdout).trim())).text()).toBe("hello")
  const old = String(run("--pattern", "s/**", "--operations", "read,append", "--key", "old", "--expires-in", "10m").stdout).trim()
  expect((await guarded.call("POST", encodeURIComponent(path), { query: `?${old}`, headers: text, body: "!" })).status).toBe(204)
  for (const [args, reason] of [
    [["--path", path, "--expires-in", "2h"], /max_lifetime_seconds/],
    [["--path", path, "--expires-in", "soon"], /no duration/],
    [["--path", path, "--operations", "everything"], /--operations/],
    [["--path", path, "--key", "none"], /no key/],
    [[], /required/],
    [["--path", path, "--pattern", "**"], /path|pattern/],
  ]) {
    const result = run(...args)
    expect(result.status).not.toBe(0)
    expect(String(result.stderr)).toMatch(reason)
  }
  const fresh = String(spawnSync(binary, ["new-url-secret"]).stdout).trim()
  expect(fresh).toMatch(/^dsu_[\w-]{43}$/)
})

test("without keys nothing is signed, and nothing signed is taken", async () => {
  const own = scratchFolder()
  const { url_signing, ...without } = config()
  const other = await startGuarded(own.path, without)
  const open = await startServer(["dev"])
  try {
    expect((await other.call("GET", "s/x", { query: `?${query({ path: "s/x" })}` })).status).toBe(401)
    const body = JSON.stringify({ path: "s/x", operations: ["read"] })
    expect((await other.call("POST", "__ds/sign-url", { headers: bearer("admin"), body })).status).toBe(403)
    expect((await streams(open.url).call("POST", "__ds/sign-url", { body })).status).toBe(404)
  } finally {
    await other.server.stop()
    await open.stop()
    own.remove()
  }
})

test("no log has a signature, however much is logged", async () => {
  const own = scratchFolder()
  const other = await startGuarded(own.path, config({ url_signing: { keys: [{ id: "old", secret: older }] } }), ["--access-log", "--log-level", "trace", "--auth-url", "http://127.0.0.1:9/"])
  const signatures = []
  const call = async (parameters, target = "s/x") => {
    const signed = query({ key: "old", path: "s/x", ...parameters })
    signatures.push(new URLSearchParams(signed).get("ds-signature"))
    await other.call("GET", target, { query: `?${signed}` })
  }
  await call({}) // the check cannot be reached: 503, which is logged
  await call({ expires: 1 })
  await call({ with: secret })
  await call({}, "%zz")
  await call({}, "x".repeat(9000))
  await other.server.stop()
  own.remove()
  expect(other.server.errors()).toContain("status=503")
  expect(other.server.errors()).toContain("path=s/x status=401")
  for (const signature of signatures) expect(other.server.errors()).not.toContain(signature.slice(0, 10))
})

test.each([
  [{ keys: [{ id: "a", secret: "short" }] }, /32 bytes/],
  [{ keys: [{ id: "a", secret_file: "not-there" }] }, /cannot read .*not-there/],
  [{ keys: [] }, /keys are missing/],
])("the server does not start with url_signing %j", async (url_signing, reason) => {
  const own = scratchFolder()
  await expect(startGuarded(own.path, { url_signing })).rejects.toThrow(reason)
  own.remove()
})
