// What Chromium's cache makes of the server's answers: never the old bytes, and no request for what cannot change.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { inPage, startBrowser, startOrigin } from "../harness/browser.js"
import { freePort } from "../harness/proxy.js"
import { startServer } from "../harness/server.js"
import { setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

let browser, origin
beforeAll(async () => {
  ;[browser, origin] = await Promise.all([startBrowser(), startOrigin()])
})
afterAll(() => Promise.all([browser?.close(), origin?.stop()]))

/** Requests of that operation that the gateway has answered, by class of status. The count follows the answer, which gets a moment for it. */
async function answered(server, operation) {
  await new Promise((resolve) => setTimeout(resolve, 100))
  const text = await (await fetch(`${server.admin}/metrics`)).text()
  const counts = [...text.matchAll(/^durable_streams_http_requests_total\{operation="(\w+)",status="(\w+)"\} (\d+)/gm)]
  return Object.fromEntries(counts.filter(([, name]) => name === operation).map(([, , status, count]) => [status, Number(count)]))
}

describe.each(setups)("the cache of a browser, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start(["--max-chunk-bytes", "100000"])
    ds = streams(server.url)
  })
  afterAll(() => server?.stop())

  test("a page that appends and reads again sees what it appended", async () => {
    const seen = await inPage(
      browser,
      origin.url,
      async (url) => {
        const headers = { "content-type": "text/plain" }
        const created = await fetch(url, { method: "PUT", headers, body: "one" })
        const offset = created.headers.get("stream-next-offset")
        const text = async (query) => (await fetch(url + query)).text()
        const both = async () => [await text(""), await text("?offset=-1"), await text(`?offset=${offset}`)]
        const rounds = [await both()]
        for (const body of [" two", " three"]) {
          await fetch(url, { method: "POST", headers, body })
          rounds.push(await both())
        }
        return rounds
      },
      server.url + freshPath("cache"),
    )
    expect(seen).toEqual([
      ["one", "one", ""],
      ["one two", "one two", " two"],
      ["one two three", "one two three", " two three"],
    ])
  })

  test("a page that closes a stream sees its end", async () => {
    const seen = await inPage(
      browser,
      origin.url,
      async (url) => {
        const created = await fetch(url, { method: "PUT", headers: { "content-type": "text/plain" }, body: "one" })
        const offset = created.headers.get("stream-next-offset")
        const closed = async () => (await fetch(`${url}?offset=${offset}`)).headers.get("stream-closed")
        const before = await closed()
        await fetch(url, { method: "POST", headers: { "stream-closed": "true" } })
        return [before, await closed(), await closed()]
      },
      server.url + freshPath("cache"),
    )
    expect(seen).toEqual([null, "true", "true"])
  })

  test("a stream that is deleted, and one made in its place, are not mistaken for the one before", async () => {
    const seen = await inPage(
      browser,
      origin.url,
      async (url) => {
        const headers = { "content-type": "text/plain" }
        const read = async (query) => {
          const response = await fetch(url + query)
          return response.ok ? response.text() : response.status
        }
        const created = await fetch(url, { method: "PUT", headers, body: "first" })
        const offset = created.headers.get("stream-next-offset")
        const both = async () => [await read("?offset=-1"), await read(`?offset=${offset}`)]
        const seen = [await both()]
        await fetch(url, { method: "DELETE" })
        seen.push(await both())
        await fetch(url, { method: "PUT", headers, body: "again" })
        seen.push(await both())
        return seen
      },
      server.url + freshPath("cache"),
    )
    expect(seen).toEqual([
      ["first", ""],
      [404, 404],
      ["again", 410],
    ])
  })

  test("what is unchanged is asked for by condition, and what cannot change is not asked for", async () => {
    const path = freshPath("cache")
    const piece = (letter) => letter.repeat(100_000)
    await ds.create(path, { type: "text/plain", body: piece("a") + piece("b") + "c" })
    const read = (count) =>
      inPage(
        browser,
        origin.url,
        async ({ url, count }) => {
          const rounds = []
          for (let i = 0; i < count; ++i) {
            let offset = "-1"
            let text = ""
            while (true) {
              const response = await fetch(`${url}?offset=${offset}`)
              text += await response.text()
              offset = response.headers.get("stream-next-offset")
              if (response.headers.get("stream-up-to-date")) break
            }
            rounds.push(text)
          }
          return rounds
        },
        { url: server.url + path, count },
      )
    const before = await answered(server, "read")
    for (const text of await read(4)) expect(text).toBe(piece("a") + piece("b") + "c")
    const after = await answered(server, "read")
    // The first time three pieces; then the first and the last by condition, the middle one not at all.
    expect(after["2xx"] - (before["2xx"] ?? 0)).toBe(3)
    expect(after["3xx"] - (before["3xx"] ?? 0)).toBe(6)
  })
})

test("a server in memory that was started again is not mistaken for the one before", async () => {
  const port = await freePort()
  const page = await browser.newPage()
  try {
    await page.goto(`${origin.url}/`)
    const seen = []
    for (const body of ["first", "again"]) {
      const server = await startServer(["dev", "--listen", `127.0.0.1:${port}`])
      try {
        seen.push(
          await page.evaluate(
            async ({ url, body }) => {
              await fetch(url, { method: "PUT", headers: { "content-type": "text/plain" }, body })
              const response = await fetch(`${url}?offset=-1`)
              return [await response.text(), response.headers.get("etag")]
            },
            { url: `${server.url}the-same-path`, body },
          ),
        )
      } finally {
        await server.stop()
      }
    }
    expect(seen.map(([text]) => text)).toEqual(["first", "again"])
    expect(seen[0][1]).not.toBe(seen[1][1])
  } finally {
    await page.close()
  }
})

test("--cache-control protocol lets a page see the old answer, as section 10.1 has it", async () => {
  const server = await startServer(["dev", "--cache-control", "protocol"])
  try {
    const seen = await inPage(
      browser,
      origin.url,
      async (url) => {
        const headers = { "content-type": "text/plain" }
        await fetch(url, { method: "PUT", headers, body: "one" })
        const read = async () => (await fetch(`${url}?offset=-1`)).text()
        const before = await read()
        await fetch(url, { method: "POST", headers, body: " two" })
        return [before, await read()]
      },
      server.url + freshPath("cache"),
    )
    expect(seen).toEqual(["one", "one"])
  } finally {
    await server.stop()
  }
})
