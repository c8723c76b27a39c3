// The server as a page in a real browser meets it, from another origin.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { inPage, startBrowser, startOrigin } from "../harness/browser.js"
import { startServer } from "../harness/server.js"

let browser, origin, server
beforeAll(async () => {
  ;[browser, origin, server] = await Promise.all([startBrowser(), startOrigin(), startServer(["dev"])])
})
afterAll(() => Promise.all([browser?.close(), origin?.stop(), server?.stop()]))

describe("a page of another origin", () => {
  test("creates, appends, reads and deletes with fetch, and sees the protocol's headers", async () => {
    const seen = await inPage(
      browser,
      origin.url,
      async (url) => {
        const headers = { "content-type": "text/plain" }
        const created = await fetch(url, { method: "PUT", headers })
        const appended = await fetch(url, { method: "POST", headers, body: "from a page" })
        const read = await fetch(`${url}?offset=-1`)
        const text = await read.text()
        const removed = await fetch(url, { method: "DELETE" })
        return {
          statuses: [created.status, appended.status, read.status, removed.status],
          next: [appended, read].map((response) => response.headers.get("stream-next-offset")),
          text,
        }
      },
      `${server.url}from-a-page`,
    )
    expect(seen.statuses).toEqual([201, 204, 200, 204])
    expect(seen.text).toBe("from a page")
    expect(seen.next[0]).toMatch(/./)
    expect(seen.next[1]).toBe(seen.next[0])
  })
})
