// Streams that a browser would show as documents: their scripts must not run on the API's origin.
import { afterAll, beforeAll, expect, test } from "vitest"
import { startBrowser } from "../harness/browser.js"
import { startServer } from "../harness/server.js"
import { freshPath, sse, streams } from "../harness/streams.js"

const policy = "sandbox; default-src 'none'"
let browser, server, ds
beforeAll(async () => {
  ;[browser, server] = await Promise.all([startBrowser(), startServer(["dev", "--long-poll-timeout", "1s"])])
  ds = streams(server.url)
})
afterAll(() => Promise.all([browser?.close(), server?.stop()]))

/** What the script does if it runs: tells the title, and writes to the API as its own origin. */
const script = (proof) => `document.title = "ran"; fetch(${JSON.stringify(`${new URL(server.url).pathname}${proof}`)}, { method: "PUT" })`
const kinds = {
  "text/html": (proof) => `<!doctype html><title>page</title><p>shown</p><script>${script(proof)}</script><img src="x" onerror='${script(proof)}'>`,
  "image/svg+xml": (proof) => `<svg xmlns="http://www.w3.org/2000/svg"><title>page</title><text y="20">shown</text><script>${script(proof)}</script></svg>`,
  "application/xhtml+xml": (proof) => `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>page</title></head><body><p>shown</p><script>${script(proof)}</script></body></html>`,
}

test.each([
  ["text/html", ["", "?offset=-1", "?offset=-1&live=long-poll"]],
  ["image/svg+xml", ["?offset=-1", "?offset=-1&live=long-poll"]],
  ["application/xhtml+xml", ["?offset=-1"]],
])("a script in a stream of %s does not run, read with %j", async (type, queries) => {
  const path = freshPath("document")
  const proof = freshPath("proof")
  await ds.create(path, { type, body: kinds[type](proof) })
  for (const query of queries) {
    const page = await browser.newPage()
    const violations = []
    page.on("console", (message) => violations.push(message.text()))
    const response = await page.goto(server.url + path + query)
    expect(response.status()).toBe(200)
    expect(await page.textContent("p, text")).toBe("shown")
    // As long as a script would take.
    await page.waitForTimeout(200)
    expect(await page.title()).toBe("page")
    expect(violations.join()).toMatch(/sandboxed|Content Security Policy/)
    await page.close()
  }
  expect((await ds.head(proof)).status).toBe(404)
})

test("a stored document has no origin to act with", async () => {
  const path = freshPath("document")
  await ds.create(path, { type: "text/html", body: "<!doctype html><p>shown</p>" })
  const page = await browser.newPage()
  await page.goto(`${server.url}${path}?offset=-1`)
  // The driver's own code runs even there.
  expect(await page.evaluate(() => self.origin)).toBe("null")
  await page.close()
})

test("every answer with stored content has the policy", async () => {
  const path = freshPath("document")
  const created = await ds.create(path, { type: "text/html", body: "<p>" })
  const read = await ds.read(path)
  const revalidated = await ds.call("GET", path, { query: "?offset=-1", headers: { "if-none-match": read.headers.get("etag") } })
  expect(revalidated.status).toBe(304)
  const polled = await ds.read(path, "-1", "&live=long-poll")
  const events = await sse(`${server.url}${path}?offset=-1&live=sse`)
  events.close()
  for (const { headers } of [read, revalidated, polled, events.response]) expect(headers.get("content-security-policy")).toBe(policy)
  // What was sent is not sent back.
  expect(created.body.length).toBe(0)
})
