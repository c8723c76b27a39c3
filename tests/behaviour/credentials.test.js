// What browsers send along by themselves: HTTP Basic that they remember, and cookies.
import { once } from "node:events"
import { createServer } from "node:http"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { basic, bearer, everything, keyHash, startGuarded } from "../harness/auth.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, raw, statusOf, streams } from "../harness/streams.js"

const app = "https://app.example"
const text = { "content-type": "text/plain" }
const code = (answer) => JSON.parse(answer.text).code
let folder
beforeAll(() => {
  folder = scratchFolder()
})
afterAll(() => folder.remove())

describe("Basic", () => {
  let guarded
  beforeAll(async () => {
    guarded = await startGuarded(folder.path, { keys: [{ name: "a", sha256: keyHash("the-key"), rules: everything }], anonymous: { rules: [{ paths: ["open"], operations: ["read"] }] } })
  })
  afterAll(() => guarded.server.stop())

  test("takes a key as password, whatever the user", async () => {
    for (const user of ["", "a", "anybody"]) {
      const path = freshPath("basic")
      expect((await guarded.call("PUT", path, { headers: { ...text, ...basic(user, "the-key") }, body: "x" })).status).toBe(201)
      const read = await guarded.call("GET", path, { headers: basic(user, "the-key") })
      expect(read.text).toBe("x")
      expect(read.headers.get("cache-control")).toMatch(/^private/)
    }
  })

  test("that is wrong or cannot be read is 401, even where nobody needs to ask", async () => {
    for (const headers of [basic("a", "wrong"), basic("the-key", ""), { authorization: "Basic !" }, { authorization: `Basic ${btoa("no-colon")}` }]) {
      const answer = await guarded.call("GET", "open", { headers })
      expect([answer.status, code(answer)]).toEqual([401, "unauthenticated"])
      // No Basic in it, or browsers would ask their user whenever a page's fetch meets it.
      expect(answer.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"')
    }
    expect((await guarded.call("GET", "open")).status).toBe(404)
  })

  test("that a browser remembers does not serve the pages of others", async () => {
    const path = freshPath("basic")
    const post = (headers) => guarded.call("POST", path, { headers: { ...text, ...headers }, body: "x" })
    await guarded.as("the-key")("PUT", path, { headers: text })
    const forged = await post({ ...basic("a", "the-key"), origin: "https://evil.example" })
    expect([forged.status, code(forged)]).toEqual([403, "cross-site-request"])
    // A page that knows the key, and programs, are no browsers that remember.
    expect((await post({ ...bearer("the-key"), origin: "https://evil.example" })).status).toBe(204)
    expect((await post(basic("a", "the-key"))).status).toBe(204)
    expect((await post({ ...basic("a", "the-key"), origin: new URL(guarded.server.url).origin })).status).toBe(204)
  })

  test("is offered in a line of its own where that is configured", async () => {
    const offering = await startGuarded(folder.path, { keys: [{ name: "a", sha256: keyHash("the-key"), rules: everything }] }, ["--auth-basic-challenge"])
    const answer = await raw(offering.server.url, `GET ${new URL(offering.server.url).pathname}x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    await offering.server.stop()
    expect(statusOf(answer)).toBe(401)
    expect(answer).toContain('\r\nWWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic realm="durable-streams", charset="UTF-8"\r\n')
  })
})

describe("cookies", () => {
  let checker, server, ds, asked
  beforeAll(async () => {
    checker = createServer((request, response) => {
      asked++
      response.writeHead(request.headers.cookie === "session=good" ? 204 : 401)
      response.end()
    }).listen(0, "127.0.0.1")
    await once(checker, "listening")
    server = await startServer(["dev", "--auth-url", `http://127.0.0.1:${checker.address().port}/`, "--auth-url-cache", "0s", "--cors-origins", app, "--cors-credentials", "--public-url", "https://streams.example"])
    ds = streams(server.url)
    asked = 0
  })
  afterAll(async () => {
    await server.stop()
    checker.close()
  })
  const call = (method, path, headers) => ds.call(method, path, { headers: { ...text, cookie: "session=good", ...headers }, body: method === "POST" ? "x" : undefined })

  const own = { origin: "https://streams.example" }
  test.each([
    ["a listed origin", { origin: app }, true],
    ["the server's own page", own, true],
    ["the browser's own word", { "sec-fetch-site": "same-origin" }, true],
    ["the user, by no page at all", { "sec-fetch-site": "none" }, true],
    ["a listed origin of another site", { origin: app, "sec-fetch-site": "cross-site" }, true],
    ["another origin", { origin: "https://evil.example" }, false],
    ["no origin", { origin: "null" }, false],
    ["another site", { "sec-fetch-site": "cross-site" }, false],
    ["a neighbour", { origin: "https://other.streams.example", "sec-fetch-site": "same-site" }, false],
    ["nobody", {}, false],
  ])("change something when %s says so", async (_name, headers, allowed) => {
    const path = freshPath("cookie")
    expect((await call("PUT", path, own)).status).toBe(201)
    const before = asked
    for (const [method, status] of [["POST", 204], ["DELETE", 204]]) {
      const answer = await call(method, path, headers)
      expect([method, answer.status]).toEqual([method, allowed ? status : 403])
      if (!allowed) expect(code(answer)).toBe("cross-site-request")
    }
    // Nobody is asked about what is refused in any case.
    expect(asked - before).toBe(allowed ? 2 : 0)
    if (!allowed) expect((await call("GET", path, headers)).status).toBe(200)
  })

  test("do not matter for who shows something else, nor where nobody looks at them", async () => {
    const path = freshPath("cookie")
    const answer = await ds.call("PUT", path, { headers: { ...text, ...bearer("x") } })
    expect(answer.status).toBe(401) // the check's answer
    const plain = await startServer(["dev"])
    expect((await streams(plain.url).call("PUT", path, { headers: { ...text, cookie: "a=b", origin: "https://evil.example" } })).status).toBe(201)
    await plain.stop()
  })
})
