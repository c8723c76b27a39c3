// The admin listener against web pages and against those who only hold connections.
import { once } from "node:events"
import { request } from "node:http"
import { connect } from "node:net"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { inPage, startBrowser, startOrigin } from "../harness/browser.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { until } from "../harness/streams.js"

let folder
let server
let sockets
const start = async (...args) => {
  server = await startServer(["serve", "--data-dir", join(folder.path, "data"), "--backup-dir", join(folder.path, "backups"), ...args])
}
beforeEach(() => {
  folder = scratchFolder()
  sockets = []
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await server?.stop()
  folder.remove()
})

const port = () => new URL(server.admin).port

/** Status and text of a call with these headers; `Host` among them. */
async function call(method, path, headers = {}) {
  const sent = request({ host: "127.0.0.1", port: port(), method, path, headers, agent: false }).end()
  const [answer] = await once(sent, "response")
  let text = ""
  for await (const chunk of answer) text += chunk
  return { status: answer.statusCode, text }
}

test.each([
  [{ Origin: "https://evil.example" }, /Origin/],
  [{ Origin: "null" }, /Origin/],
  [{ Origin: "" }, /Origin/],
  [{ "Sec-Fetch-Site": "cross-site" }, /Sec-Fetch-Site/],
  [{ "Sec-Fetch-Site": "same-site" }, /Sec-Fetch-Site/],
  [{ "Sec-Fetch-Site": "same-origin" }, /Sec-Fetch-Site/],
  [{ Host: "evil.example" }, /evil\.example \(--admin-hosts\)/],
  [{ Host: "evil.example:9464" }, /evil\.example/],
  [{ Host: "127.0.0.1.evil.example" }, /evil\.example/],
  [{ Host: "localhost.evil.example" }, /evil\.example/],
  [{ Host: "1.2.3" }, /1\.2\.3/],
])("a web page cannot have a backup made: %j", async (headers, reason) => {
  await start()
  const refused = await call("POST", "/backup", headers)
  expect(refused.status).toBe(403)
  expect(refused.text).toMatch(reason)
  expect(await (await fetch(`${server.admin}/metrics`)).text()).toContain("durable_streams")
})

test("who administers the server asks by an address, as localhost, or by a name that is configured", async () => {
  await start("--admin-hosts", "streams-storage,Backup.Example")
  for (const host of ["127.0.0.1", `127.0.0.1:${port()}`, "LOCALHOST:1", "[::1]:9464", "10.1.2.3", "streams-storage:9464", "backup.example", "backup.example."]) {
    expect([host, (await call("POST", "/backup", { Host: host })).status]).toEqual([host, 200])
  }
  expect((await call("POST", "/backup", { Host: "other" })).status).toBe(403)
  // What changes nothing is there for scrapers, whatever they call it.
  expect((await call("GET", "/metrics", { Host: "any.name", Origin: "https://evil.example" })).status).toBe(200)
})

test("a page in a real browser is refused", async () => {
  await start()
  const browser = await startBrowser()
  const origin = await startOrigin({ "/": "<p>page</p>" })
  try {
    await inPage(browser, origin.url, async (url) => void (await fetch(url, { method: "POST", mode: "no-cors" }).catch(() => {})), `${server.admin}/backup`)
  } finally {
    await browser.close()
    await origin.stop()
  }
  // Had it been made, the next one would be number 2.
  expect(JSON.parse((await call("POST", "/backup")).text).id).toBe(1)
})

const hold = async (count, text) => {
  for (let i = 0; i < count; i++) {
    const socket = connect(Number(port()), "127.0.0.1")
    socket.on("error", () => {})
    sockets.push(socket)
    await once(socket, "connect")
    if (text) socket.write(text)
  }
}

test.each([
  ["that say nothing", ""],
  ["with half a request", "GET /metrics HTTP/1.1\r\nHost: a\r\n"],
  ["of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
])("300 connections %s keep no probe out", async (_, text) => {
  await start()
  await hold(300, text)
  for (let i = 0; i < 20; i++) {
    const { status } = await call("GET", "/healthz")
    expect(status).toBe(200)
  }
})

test("a connection that waits for its backup is not closed for others", async () => {
  await start()
  const made = call("POST", "/backup")
  await hold(150, "")
  expect((await made).status).toBe(200)
  await until(async () => (await call("GET", "/readyz")).status === 200)
})
