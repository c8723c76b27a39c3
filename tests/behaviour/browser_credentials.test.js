// Chromium, on a page of another origin: headers, cookies, signed URLs, and what it lets the page see.
import { once } from "node:events"
import { createServer } from "node:http"
import { afterAll, beforeAll, expect, test } from "vitest"
import { bearer, everything, keyHash, startGuarded } from "../harness/auth.js"
import { inPage, startBrowser, startOrigin } from "../harness/browser.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

let browser, origin, stranger, folder, guarded, checked, checker
beforeAll(async () => {
  folder = scratchFolder()
  checker = createServer((request, response) => response.writeHead(/\bsession=good\b/.test(request.headers.cookie) ? 204 : 401).end()).listen(0, "127.0.0.1")
  await once(checker, "listening")
  ;[browser, origin, stranger] = await Promise.all([startBrowser(), startOrigin(), startOrigin()])
  guarded = await startGuarded(folder.path, { keys: [{ name: "a", sha256: keyHash("key"), rules: everything }], url_signing: { keys: [{ id: "a", secret: "x".repeat(32) }] } })
  checked = await startServer(["dev", "--auth-url", `http://127.0.0.1:${checker.address().port}/`, "--cors-origins", origin.url, "--cors-credentials"])
})
afterAll(async () => {
  await Promise.all([browser?.close(), origin?.stop(), stranger?.stop(), guarded?.server.stop(), checked?.stop()])
  checker.close()
  folder.remove()
})

test("a page sends any header and reads every header of ours", async () => {
  const url = guarded.server.url + freshPath("page")
  const seen = await inPage(
    browser,
    origin.url,
    async (url) => {
      const headers = { authorization: "Bearer key", "content-type": "text/plain", "x-of-the-page": "1", "producer-id": "p", "producer-epoch": "0" }
      const answers = [
        await fetch(url, { method: "PUT", headers }),
        await fetch(url, { method: "POST", headers: { ...headers, "producer-seq": "0" }, body: "from a page" }),
        await fetch(`${url}?offset=-1`, { headers: { ...headers, "cache-control": "no-cache" } }),
        await fetch(`${url}?offset=-1&live=sse`, { headers }),
        await fetch(url, { method: "HEAD", headers }),
        await fetch(url, { method: "DELETE", headers }),
        await fetch(url, { headers }),
        await fetch(url, { headers: {} }),
      ]
      const text = await answers[2].text()
      const reader = answers[3].body.getReader()
      let events = ""
      while (!events.includes("event: control")) events += new TextDecoder().decode((await reader.read()).value)
      await reader.cancel()
      return { text, events, statuses: answers.map(({ status }) => status), headers: answers.map((answer) => [...answer.headers.keys()]) }
    },
    url,
  )
  expect(seen.statuses).toEqual([201, 200, 200, 200, 200, 204, 404, 401])
  expect(seen.text).toBe("from a page")
  expect(seen.events).toContain("from a page")
  const [put, post, get, sse, , , , refused] = seen.headers
  expect(put).toEqual(expect.arrayContaining(["location", "stream-next-offset", "x-content-type-options", "cross-origin-resource-policy"]))
  expect(post).toEqual(expect.arrayContaining(["producer-epoch", "producer-seq", "stream-next-offset"]))
  expect(get).toEqual(expect.arrayContaining(["etag", "stream-up-to-date", "vary", "content-security-policy"]))
  expect(sse).toEqual(expect.arrayContaining(["x-accel-buffering", "content-security-policy"]))
  expect(refused).toContain("www-authenticate")
})

test("EventSource, an image and a link follow a signed URL, and nothing without it", async () => {
  const path = freshPath("page")
  await guarded.as("key")("PUT", path, { headers: { "content-type": "text/plain" }, body: "hello" })
  const picture = freshPath("picture")
  await guarded.as("key")("PUT", picture, { headers: { "content-type": "image/svg+xml" }, body: '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"></svg>' })
  const sign = async (path) => JSON.parse((await guarded.call("POST", "__ds/sign-url", { headers: bearer("key"), body: JSON.stringify({ path, operations: ["read"] }) })).text).query
  const urls = {
    live: `${guarded.server.url}${path}?offset=-1&live=sse`,
    liveQuery: await sign(path),
    image: `${guarded.server.url}${picture}`,
    imageQuery: await sign(picture),
  }
  const seen = await inPage(
    browser,
    origin.url,
    async ({ live, liveQuery, image, imageQuery }) => {
      const listen = (url) =>
        new Promise((resolve) => {
          const source = new EventSource(url)
          const end = (what) => {
            source.close()
            resolve(what)
          }
          source.addEventListener("data", (event) => end(event.data))
          source.onerror = () => end("error")
        })
      const show = (url) =>
        new Promise((resolve) => {
          const element = new Image()
          element.onload = () => resolve(element.naturalWidth)
          element.onerror = () => resolve("error")
          element.src = url
        })
      return [await listen(`${live}&${liveQuery}`), await listen(live), await show(`${image}?${imageQuery}`), await show(image)]
    },
    urls,
  )
  expect(seen).toEqual(["hello", "error", 7, "error"])
  const page = await browser.newPage()
  const response = await page.goto(`${guarded.server.url}${path}?${urls.liveQuery}`)
  expect(await response.text()).toBe("hello")
  await page.close()
})

test("cookies come along from a listed origin, and from no other", async () => {
  const path = freshPath("cookie")
  const url = checked.url + path
  await streams(checked.url).call("PUT", path, { headers: { "content-type": "text/plain", cookie: "session=good", "sec-fetch-site": "same-origin" }, body: "hello" })
  const context = await browser.newContext()
  await context.addCookies([{ name: "session", value: "good", url: new URL(checked.url).origin }])
  const visit = async (from, work) => {
    const page = await context.newPage()
    await page.goto(`${from.url}/`)
    const result = await page.evaluate(work, url)
    await page.close()
    return result
  }
  const work = async (url) => {
    const attempt = (options) => fetch(url, options).then(async (answer) => [answer.status, await answer.text()], () => "blocked")
    const live = await new Promise((resolve) => {
      const source = new EventSource(`${url}?offset=-1&live=sse`, { withCredentials: true })
      const end = (what) => {
        source.close()
        resolve(what)
      }
      source.addEventListener("data", (event) => end(event.data))
      source.onerror = () => end("error")
    })
    return {
      live,
      read: await attempt({ credentials: "include" }),
      append: await attempt({ method: "POST", credentials: "include", headers: { "content-type": "text/plain" }, body: "!" }),
      custom: await attempt({ method: "POST", credentials: "include", headers: { "content-type": "text/plain", "x-mine": "1" }, body: "!" }),
    }
  }
  const listed = await visit(origin, work)
  expect(listed).toEqual({ read: [200, "hello"], append: [204, ""], custom: [204, ""], live: "hello" })
  const other = await visit(stranger, work)
  expect(other).toEqual({ read: "blocked", append: "blocked", custom: "blocked", live: "error" })
  // A form needs no preflight, and the browser sends the cookie along: ports do not make a site.
  const page = await context.newPage()
  await page.goto(`${stranger.url}/`)
  const answered = page.waitForResponse((response) => response.request().method() === "POST")
  await page.evaluate((url) => {
    document.body.innerHTML = `<form method="post" enctype="text/plain" action="${url}"><input name="a" value="b"></form>`
    document.querySelector("form").submit()
  }, url)
  expect((await answered).status()).toBe(403)
  await context.close()
  const left = await streams(checked.url).call("GET", path, { headers: { cookie: "session=good" } })
  expect(left.text).toBe("hello!!")
})
