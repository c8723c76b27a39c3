// Who may read every stream, but not list them, learns nothing of the registry: by no way to name it, in no
// spelling, over HTTP/1.1 and HTTP/2, with one process and with two.
import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { connect } from "node:http2"
import { once } from "node:events"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { scratchFolder, setups } from "../harness/setups.js"
import { freshPath, until } from "../harness/streams.js"

const hash = (key) => createHash("sha256").update(key).digest("hex")
const most = ["read", "append", "create", "delete", "subscribe"]
const config = {
  keys: [
    { name: "reader", sha256: hash("reader"), rules: [{ paths: ["**"], operations: most }] },
    { name: "lister", sha256: hash("lister"), rules: [{ paths: ["**"], operations: most }, { paths: ["__registry__"], operations: ["list"] }] },
  ],
}

const spellings = ["__registry__", "%5F_registry__", "%5f%5fregistry%5f%5f", "__registry%5f%5F"]
const json = { "content-type": "application/json" }
const fork = (source, more = {}) => (call, name, root) => call("PUT", freshPath("f"), { "stream-forked-from": source(name, root), ...more })
const subscribe = (call, id, body) => call("PUT", `__ds/subscriptions/${id}`, json, JSON.stringify({ type: "pull-wake", wake_stream: "wake", ...body }))

// Each gets a spelling that is good in a URL, and the URL of the stream root, and resolves to an answer.
const ways = {
  read: (call, name) => call("GET", name),
  "read from the tail": (call, name) => call("GET", `${name}?offset=now`),
  head: (call, name) => call("HEAD", name),
  "long-poll": (call, name) => call("GET", `${name}?offset=-1&live=long-poll`),
  sse: (call, name) => call("GET", `${name}?offset=-1&live=sse`),
  fork: fork((name) => `/v1/stream/${name}`),
  "fork by URL": fork((name, root) => root + name),
  "fork at an offset": fork((name) => `/v1/stream/${name}`, { "stream-fork-offset": "0000000000000000_0000000000000000" }),
  "a subscription's streams": (call, name) => subscribe(call, freshPath("s"), { streams: [decodeURIComponent(name)] }),
  "one stream among others": (call, name) => subscribe(call, freshPath("s"), { streams: ["a", decodeURIComponent(name), "b"] }),
  "slashes around it": (call, name) => subscribe(call, freshPath("s"), { streams: [`//${decodeURIComponent(name)}/`] }),
  "streams that are added": async (call, name) => {
    const id = freshPath("s")
    await subscribe(call, id, { streams: ["a"] })
    return call("POST", `__ds/subscriptions/${id}/streams`, json, JSON.stringify({ streams: [decodeURIComponent(name)] }))
  },
}

describe.each(setups)("%s", (_, start) => {
  let folder
  let server
  let session
  beforeAll(async () => {
    folder = scratchFolder()
    writeFileSync(join(folder.path, "auth.json"), JSON.stringify(config))
    server = await start(["--auth-config", join(folder.path, "auth.json"), "--long-poll-timeout", "200ms", "--sse-reconnect-interval", "200ms"], ["--registry"])
    session = connect(new URL(server.url).origin)
    for (const name of ["a", "b", "secret-name"]) await as("lister")("PUT", name, { "content-type": "text/plain" })
    await as("lister")("PUT", "wake", json)
  })
  afterAll(async () => {
    session?.close()
    await server?.stop()
    folder.remove()
  })

  const as = (who) => async (method, name, headers = {}, body = undefined) => {
    const response = await fetch(server.url + name, { method, headers: { ...headers, authorization: `Bearer ${who}` }, body })
    return { status: response.status, text: await response.text() }
  }
  const asHttp2 = (who) => async (method, name, headers = {}, body = undefined) => {
    const stream = session.request({ ":method": method, ":path": `/v1/stream/${name}`, ...headers, authorization: `Bearer ${who}` })
    stream.end(body)
    const [answer] = await once(stream, "response")
    let text = ""
    for await (const chunk of stream) text += chunk
    return { status: answer[":status"], text }
  }

  test.each(Object.entries(ways))("%s is refused without `list`, and taken with it", async (way, use) => {
    for (const how of [as, asHttp2]) {
      for (const name of spellings) {
        const { status, text } = await use(how("reader"), name, server.url)
        expect([name, status]).toEqual([name, expect.toSatisfy((code) => code === 403 || code === 404)])
        expect(text).not.toContain("secret-name")
      }
      // The offset belongs to no registry, so only the right to ask differs.
      const allowed = await use(how("lister"), "__registry__", server.url)
      expect([way, allowed.status]).toEqual([way, way === "fork at an offset" ? expect.toSatisfy((status) => status !== 403) : expect.toSatisfy((status) => status < 300)])
    }
  })

  test.each(["**", "*", "__registry__", "__*"])("the pattern %s does not mean it", async (pattern) => {
    const id = freshPath("s")
    expect((await subscribe(as("reader"), id, { pattern })).status).toBe(201)
    const created = freshPath("news")
    await as("reader")("PUT", created, { "content-type": "text/plain" })
    const links = async () => JSON.parse((await as("reader")("GET", `__ds/subscriptions/${id}`)).text).streams.map(({ path }) => path)
    if (pattern.startsWith("*")) await until(async () => (await links()).includes(created))
    expect(await links()).not.toContain("__registry__")
    // The registry has grown by what was created; nobody is given it as work.
    const claimed = await as("reader")("POST", `__ds/subscriptions/${id}/claim`, json, JSON.stringify({ worker: "w" }))
    expect(claimed.text).not.toContain("__registry__")
  })
})
