// The real Chromium of Debian, without a window, and pages for it from origins of the tests' own.
import { once } from "node:events"
import { createServer } from "node:http"
import { chromium } from "playwright-core"

/**
 * Starts Chromium. The result is Playwright's Browser: `newPage()` opens a page with storage and cache
 * of its own, `close()` ends it all. Tests may run as root, for whom Chromium's sandbox does not work.
 */
export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  })
}

/**
 * Serves pages on an origin of their own, so that what they call is another origin. `pages` maps paths
 * to HTML; every other path is an empty page. `url` is the origin.
 */
export async function startOrigin(pages = {}) {
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" })
    response.end(pages[request.url] ?? "<!doctype html><title>test</title>")
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}

/** Opens a page on `origin` and runs `work` in it, which may use what a page can; resolves to what it returns. */
export async function inPage(browser, origin, work, argument) {
  const page = await browser.newPage()
  try {
    await page.goto(`${origin}/`)
    return await page.evaluate(work, argument)
  } finally {
    await page.close()
  }
}
