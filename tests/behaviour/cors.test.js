// Cross-origin resource sharing as it goes over the wire; browser.test.js has what a browser makes of it.
import { connect as connectHttp2, constants } from "node:http2"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { freshPath, raw, statusOf, streams } from "../harness/streams.js"

const app = "https://app.example"
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
let open, listed, none
beforeAll(async () => {
  const small = ["--max-append-bytes", "1000", "--body-timeout", "1s"]
  ;[open, listed, none] = await Promise.all([
    startServer(["dev", ...small]),
    startServer(["dev", ...small, "--cors-origins", `${app},http://localhost:3000`, "--cors-headers", "Content-Type,X-Mine", "--cors-credentials", "--max-buffered-bytes", "2000"]),
    startServer(["dev", "--cors-origins", "none"]),
  ])
})
afterAll(() => Promise.all([open?.stop(), listed?.stop(), none?.stop()]))

const preflight = (server, headers = {}, path = freshPath("cors")) =>
  streams(server.url).call("OPTIONS", path, { headers: { origin: app, "access-control-request-method": "PUT", ...headers } })
const names = (answer, header) => (answer.headers.get(header) ?? "").toLowerCase().split(/,\s*/).filter(Boolean)

describe("the preflight", () => {
  test("allows whatever headers are asked for, and may be kept", async () => {
    const answer = await preflight(open, { "access-control-request-headers": "x-anything,content-type, last-event-id" })
    expect(answer.status).toBe(204)
    expect(answer.headers.get("access-control-allow-origin")).toBe("*")
    expect(names(answer, "access-control-allow-headers")).toEqual(["x-anything", "content-type", "last-event-id"])
    expect(names(answer, "access-control-allow-methods")).toEqual(expect.arrayContaining(["get", "head", "put", "post", "delete"]))
    expect(Number(answer.headers.get("access-control-max-age"))).toBeGreaterThan(600)
    expect(names(answer, "vary")).toEqual(expect.arrayContaining(["access-control-request-headers", "access-control-request-method", "access-control-request-private-network"]))
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull()
  })

  test("gives back nothing that is no header's name", async () => {
    const answer = await preflight(open, { "access-control-request-headers": "x-good, b@d, ,<script>,x y" })
    expect(names(answer, "access-control-allow-headers")).toEqual(["x-good"])
  })

  test("allows only the headers of --cors-headers where they are given", async () => {
    const answer = await preflight(listed, { "access-control-request-headers": "x-anything" })
    expect(names(answer, "access-control-allow-headers")).toEqual(["content-type", "x-mine"])
  })

  test("lets pages call into a private network where they may call at all", async () => {
    const asks = { "access-control-request-private-network": "true" }
    expect((await preflight(open, asks)).headers.get("access-control-allow-private-network")).toBe("true")
    expect((await preflight(listed, asks)).headers.get("access-control-allow-private-network")).toBe("true")
    expect((await preflight(listed, { ...asks, origin: "https://evil.example" })).headers.get("access-control-allow-private-network")).toBeNull()
    expect((await preflight(open)).headers.get("access-control-allow-private-network")).toBeNull()
  })

  test("tells a page of another origin nothing, and varies by origin all the same", async () => {
    for (const origin of ["https://evil.example", "null", `${app}.evil.example`, "https://app.example:444", "http://app.example"]) {
      const answer = await preflight(listed, { origin, "access-control-request-headers": "x-mine" })
      expect([origin, answer.status]).toEqual([origin, 204])
      expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([])
      expect(names(answer, "vary")).toContain("origin")
    }
  })

  test("is answered to listed origins with their own name and, where configured, for credentials", async () => {
    for (const origin of [app, "http://localhost:3000"]) {
      const answer = await preflight(listed, { origin })
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin)
      expect(answer.headers.get("access-control-allow-credentials")).toBe("true")
    }
  })

  test("is not answered where no page may call", async () => {
    const answer = await preflight(none, { "access-control-request-headers": "x-a", "access-control-request-private-network": "true" })
    expect(answer.status).toBe(204)
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control-") || name === "vary")).toEqual([])
  })
})

test("every header in docs/api.md's table of answers is exposed", async () => {
  const table = /## Answers\n([^]*?)\n\n`Date`/.exec(readFileSync(join(root, "docs/api.md"), "utf8"))[1]
  const rows = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`([A-Za-z-]+)`/g)].map(([, name]) => name.toLowerCase()))
  expect(rows.length).toBeGreaterThan(25)
  // What every page may read anyway, and what is meant for the browser itself.
  const safelisted = ["cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"]
  const wanted = rows.filter((name) => !safelisted.includes(name) && !name.startsWith("access-control-"))
  for (const server of [open, listed]) {
    const answer = await streams(server.url).call("GET", freshPath("cors"), { headers: { origin: app } })
    expect(answer.status).toBe(404)
    expect(names(answer, "access-control-expose-headers").sort()).toEqual([...new Set(wanted)].sort())
  }
})

/** What HTTP/2 answers to one request of a stream that exists. */
async function callHttp2(server, method, path, headers, body) {
  const session = connectHttp2(new URL(server.url).origin)
  try {
    const request = session.request({ ":method": method, ":path": new URL(server.url).pathname + path, ...headers })
    request.on("error", () => {})
    const answered = new Promise((resolve, reject) => {
      request.on("response", resolve)
      session.on("error", reject)
    })
    request.end(body)
    const answer = await answered
    return { status: answer[constants.HTTP2_HEADER_STATUS], headers: new Headers(Object.entries(answer).filter(([name]) => !name.startsWith(":")).map(([name, value]) => [name, String(value)])) }
  } finally {
    session.destroy()
  }
}

describe("errors can be read by pages", () => {
  const text = { "content-type": "text/plain", origin: app }
  const attempts = [
    ["400", 400, "GET", { query: "?offset=nonsense" }],
    ["404", 404, "DELETE", {}],
    ["405", 405, "PATCH", { body: "x" }],
    ["413", 413, "PUT", { body: "x".repeat(1001) }],
  ]
  test.each(attempts)("%s over HTTP/1.1", async (_name, status, method, { query, body }) => {
    for (const [server, origin] of [[open, "*"], [listed, app]]) {
      const answer = await streams(server.url).call(method, freshPath("cors"), { headers: text, query, body })
      expect(answer.status).toBe(status)
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin)
      expect(names(answer, "access-control-expose-headers")).toContain("retry-after")
    }
  })

  test.each(attempts)("%s over HTTP/2", async (_name, status, method, { query = "", body }) => {
    for (const [server, origin] of [[open, "*"], [listed, app]]) {
      const answer = await callHttp2(server, method, freshPath("cors") + query, text, body)
      expect(answer.status).toBe(status)
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin)
    }
  })

  const head = (server, headers) => `POST ${new URL(server.url).pathname}x HTTP/1.1\r\nHost: x\r\nOrigin: ${app}\r\nContent-Type: text/plain\r\n${headers}\r\n`
  test.each([
    ["a malformed chunk", 400, "Transfer-Encoding: chunked\r\n", "zz\r\n"],
    ["a body that does not come", 408, "Content-Length: 10\r\n", "x"],
    ["an unknown expectation", 417, "Expect: miracles\r\n", ""],
  ])("%s, which the connection refuses", async (_name, status, headers, body) => {
    for (const [server, origin] of [[open, "*"], [listed, app]]) {
      const answer = await raw(server.url, `${head(server, headers)}${body}`)
      expect(statusOf(answer)).toBe(status)
      expect(answer).toContain(`\r\nAccess-Control-Allow-Origin: ${origin}\r\n`)
      expect(answer).toContain("\r\nAccess-Control-Expose-Headers: ")
    }
  })

  // Whose page it was is not known yet, so only the server that lets all call can say so.
  const early = [
    ["414", 414, { query: `?${"x".repeat(9000)}`, headers: {} }],
    ["431", 431, { query: "", headers: Object.fromEntries(["a", "b", "c", "d"].map((name) => [`x-${name}`, "x".repeat(10_000)])) }],
  ]
  test.each(early)("%s, which comes before the head is read", async (_name, status, { query, headers }) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const ask = (server) => raw(server.url, `GET ${new URL(server.url).pathname}x${query} HTTP/1.1\r\nHost: x\r\nOrigin: ${app}\r\n${lines.join("")}\r\n`)
    const answer = await ask(open)
    expect(statusOf(answer)).toBe(status)
    expect(answer).toContain("\r\nAccess-Control-Allow-Origin: *\r\n")
    expect(answer).toContain("\r\nAccess-Control-Expose-Headers: ")
    const other = await ask(listed)
    expect(statusOf(other)).toBe(status)
    expect(other).toContain("\r\nVary: Origin\r\n")
    const http2 = await callHttp2(open, "GET", `x${query}`, { origin: app, ...headers })
    expect(http2.status).toBe(status)
    expect(http2.headers.get("access-control-allow-origin")).toBe("*")
    expect(names(http2, "access-control-expose-headers")).toContain("retry-after")
  })

  test("503 while too many bodies are arriving", async () => {
    const { hostname, port } = new URL(listed.url)
    const { connect } = await import("node:net")
    const sockets = Array.from({ length: 3 }, () => {
      const socket = connect(Number(port), hostname)
      socket.on("error", () => {})
      socket.write(`${head(listed, "Content-Length: 1000\r\n")}${"x".repeat(900)}`)
      return socket
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    const answer = await raw(listed.url, `${head(listed, "Content-Length: 1000\r\n")}${"x".repeat(900)}`)
    for (const socket of sockets) socket.destroy()
    expect(statusOf(answer)).toBe(503)
    expect(answer).toContain(`\r\nAccess-Control-Allow-Origin: ${app}\r\n`)
    expect(answer).toContain("\r\nAccess-Control-Allow-Credentials: true\r\n")
  })
})

test("a preflight is answered when the page's own requests are refused for their number", async () => {
  const limited = await startServer(["dev", "--limit-requests", "1", "--limit-request-burst", "1"])
  try {
    const get = () => streams(limited.url).call("GET", freshPath("cors"), { headers: { origin: app } })
    expect((await get()).status).toBe(404)
    expect((await preflight(limited)).status).toBe(204)
    const refused = await get()
    expect(refused.status).toBe(429)
    expect(refused.headers.get("access-control-allow-origin")).toBe("*")
    expect((await preflight(limited)).status).toBe(204)
  } finally {
    await limited.stop()
  }
})

test("answers to listed origins vary by origin, whether there is one or not", async () => {
  const ds = streams(listed.url)
  const path = freshPath("cors")
  await ds.create(path, { body: "x" })
  for (const headers of [{}, { origin: app }, { origin: "https://evil.example" }]) {
    const answer = await ds.call("GET", path, { headers })
    expect(names(answer, "vary")).toEqual(["origin", "accept-encoding"])
    expect(answer.headers.get("access-control-allow-origin")).toBe(headers.origin === app ? app : null)
    expect(answer.headers.get("access-control-allow-credentials")).toBe(headers.origin === app ? "true" : null)
  }
})

test.each([
  [["--cors-credentials"], /--cors-credentials needs .*--cors-origins.*\*/],
  [["--cors-credentials", "--cors-origins", "none"], /--cors-credentials needs/],
  [["--cors-origins", "*,https://a.example"], /\* stands alone/],
  [["--cors-origins", "https://a.example/"], /https:\/\/a\.example\/.*SCHEME:\/\/HOST/],
  [["--cors-origins", "a.example"], /SCHEME:\/\/HOST/],
  [["--cors-origins", "null"], /SCHEME:\/\/HOST/],
  [["--cors-origins", "https://a.example:443"], /without its default port/],
  [["--cors-origins", "https://A.example"], /lower case/],
  [["--cors-headers", "X-A,b@d"], /--cors-headers.*b@d/],
])("the server does not start with %j", async (args, reason) => {
  await expect(startServer(["dev", ...args])).rejects.toThrow(reason)
})
