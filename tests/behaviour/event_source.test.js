// Chromium's own EventSource: it goes on where it was when its server goes away, and stops at a stream's end.
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { inPage, startBrowser, startOrigin } from "../harness/browser.js"
import { readWithEventSource } from "../harness/event_source.js"
import { freePort } from "../harness/proxy.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

let browser, origin, folder
beforeAll(async () => {
  folder = scratchFolder()
  ;[browser, origin] = await Promise.all([startBrowser(), startOrigin()])
})
afterAll(async () => {
  await Promise.all([browser?.close(), origin?.stop()])
  folder?.remove()
})

/** The set-ups whose HTTP side can be ended and started again at the same address with the data still there. */
const restartable = {
  serve: async (address) => {
    const start = () => startServer(["serve", "--data-dir", join(folder.path, address.replace(":", "-")), "--listen", address])
    return { server: await start(), start, stop: () => {} }
  },
  gateway: async (address) => {
    const storage = await startServer(["storage", "--data-dir", join(folder.path, address.replace(":", "-"))])
    const start = () => startServer(["gateway", "--storage", storage.url, "--listen", address])
    return { server: await start(), start, stop: () => storage.stop() }
  },
}

describe.each(Object.entries(restartable))("%s", (_name, launch) => {
  test("an EventSource loses nothing and sees nothing twice while its server is killed, stopped, and started again", async () => {
    const system = await launch(`127.0.0.1:${await freePort()}`)
    let { server } = system
    const ds = streams(server.url)
    const all = freshPath("all")
    const fresh = freshPath("fresh")
    await ds.create(all, { type: "text/plain" })
    await ds.create(fresh, { type: "text/plain", body: "before the page came" })
    const reading = Promise.all([
      inPage(browser, origin.url, readWithEventSource, `${server.url}${all}?offset=-1&live=sse`),
      inPage(browser, origin.url, readWithEventSource, `${server.url}${fresh}?offset=now&live=sse`),
    ])
    const readers = async () => /live_readers\{mode="sse"\} (\d+)/.exec(await (await fetch(`${server.admin}/metrics`)).text())?.[1]
    await expect.poll(readers, { timeout: 10_000 }).toBe("2")

    // What is appended while the page is away is what it may lose.
    const sent = { [all]: "", [fresh]: "" }
    const append = async (path, text) => {
      expect((await ds.append(path, text, { type: "text/plain" })).status).toBe(204)
      sent[path] += text
    }
    for (const [round, end] of ["kill", "stop", "kill"].entries()) {
      // In the first round one of the pages has seen no data yet.
      await append(all, ` ${round}a`)
      if (round > 0) await append(fresh, ` ${round}a`)
      await server[end]()
      server = await system.start()
      await append(all, ` ${round}b\n`)
      await append(fresh, ` ${round}b\n`)
      await expect.poll(readers, { timeout: 20_000 }).toBe("2")
    }
    await append(all, "end")
    for (const path of [all, fresh]) await ds.close(path)
    const pages = await reading
    expect(pages.map((page) => Buffer.from(page.bytes).toString())).toEqual([sent[all], sent[fresh]])
    for (const page of pages) {
      expect(page.closed).toBe(true)
      expect(page.opened).toBeGreaterThanOrEqual(4)
    }
    await server.stop()
    await system.stop()
  })
})

test("an EventSource at the end of a closed stream stops, also if it comes too late", async () => {
  const server = await startServer(["dev"])
  const ds = streams(server.url)
  const path = freshPath("over")
  await ds.create(path, { type: "text/plain", body: "all there is" })
  const { offset } = await ds.close(path)
  const [whole, none] = await Promise.all(
    ["-1", offset].map((from) => inPage(browser, origin.url, readWithEventSource, `${server.url}${path}?offset=${from}&live=sse`)),
  )
  expect(Buffer.from(whole.bytes).toString()).toBe("all there is")
  expect(none.bytes).toEqual([])
  for (const page of [whole, none]) expect(page).toMatchObject({ closed: true, opened: 1 })
  await server.stop()
})
