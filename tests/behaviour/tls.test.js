// TLS on the public listener and on the hop, with the real curl and openssl.
import { spawnSync } from "node:child_process"
import { copyFileSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { connect as connectTls } from "node:tls"
import { once } from "node:events"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { makeAuthority } from "../harness/certificates.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { until } from "../harness/streams.js"

let folder
let authority
let server
beforeAll(async () => {
  folder = scratchFolder()
  authority = makeAuthority(folder.path)
  const files = authority.issue("server")
  server = await startServer(["dev", "--tls-cert", files.certificate, "--tls-key", files.key])
})
afterAll(async () => {
  await server.stop()
  folder.remove()
})

function curl(...args) {
  const result = spawnSync("curl", ["-sS", "--cacert", authority.certificate, "-w", "\n%{http_version} %{http_code}", ...args])
  return { code: result.status, out: String(result.stdout), err: String(result.stderr) }
}

/** What `openssl s_client` says of a connection with these options. */
function handshake(...options) {
  const { host } = new URL(server.url)
  const result = spawnSync("openssl", ["s_client", "-connect", host, "-CAfile", authority.certificate, ...options], { input: "" })
  return { code: result.status, out: String(result.stdout) + String(result.stderr) }
}

const peerSerial = (socket) => socket.getPeerCertificate().serialNumber

test("the server says https, in its URL and in Location", () => {
  expect(server.url).toMatch(/^https:/)
  const { out } = curl("-i", "-X", "PUT", `${server.url}location`)
  expect(out).toContain(`location: ${server.url}location`)
})

test.each([
  ["--http1.1", "1.1"],
  ["--http2", "2"],
])("curl %s creates, appends and reads", (flag, version) => {
  const url = server.url + version
  const type = ["-H", "Content-Type: text/plain"]
  expect(curl(flag, "-X", "PUT", ...type, url).out).toMatch(new RegExp(`${version} 201$`))
  expect(curl(flag, ...type, "-d", "hello", url).out).toMatch(new RegExp(`${version} 204$`))
  expect(curl(flag, url).out).toBe(`hello\n${version} 200`)
})

test("TLS 1.2 and 1.3 are spoken, 1.1 and weak ciphers are not", () => {
  expect(handshake("-tls1_3").out).toContain("TLSv1.3")
  expect(handshake("-tls1_2").out).toContain("TLSv1.2")
  expect(handshake("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0").code).not.toBe(0)
  expect(handshake("-tls1_2", "-cipher", "AES128-SHA").code).not.toBe(0)
})

test("ALPN picks HTTP/2, HTTP/1.1 where that is all, and refuses the rest", () => {
  expect(handshake("-alpn", "h2,http/1.1").out).toContain("ALPN protocol: h2")
  expect(handshake("-alpn", "http/1.1").out).toContain("ALPN protocol: http/1.1")
  expect(handshake("-alpn", "spdy/3").out).toMatch(/no application protocol/i)
})

test("a client that speaks clear text is told so", () => {
  const result = spawnSync("curl", ["-sS", "-i", server.url.replace("https", "http")])
  expect(String(result.stdout)).toMatch(/^HTTP\/1.1 400 [^]*HTTPS only/)
})

test("garbage instead of a handshake ends the connection, and is counted", async () => {
  const { port } = new URL(server.url)
  const socket = connect(Number(port), "127.0.0.1")
  socket.on("error", () => {})
  await once(socket, "connect")
  socket.write(Buffer.alloc(100, 0x16))
  socket.resume()
  await new Promise((resolve) => socket.once("close", resolve))
  const metrics = await (await fetch(`${server.admin}/metrics`)).text()
  expect(Number(/^durable_streams_tls_handshake_failures_total (\d+)/m.exec(metrics)[1])).toBeGreaterThan(0)
})

test("a renewed certificate is used at once, a broken one is not", async () => {
  const live = { certificate: join(folder.path, "live.pem"), key: join(folder.path, "live.key") }
  const use = (files) => {
    copyFileSync(files.key, live.key)
    copyFileSync(files.certificate, live.certificate)
  }
  use(authority.issue("first"))
  const renewing = await startServer(["dev", "--tls-cert", live.certificate, "--tls-key", live.key])
  const { port } = new URL(renewing.url)
  const open = async () => {
    const socket = connectTls({ port: Number(port), host: "127.0.0.1", ca: authority.pem() })
    await once(socket, "secureConnect")
    return socket
  }
  const held = await open()
  const first = peerSerial(held)
  use(authority.issue("second"))
  let second
  await until(async () => {
    const socket = await open()
    second = peerSerial(socket)
    socket.destroy()
    return second !== first
  }, 5000)

  writeFileSync(live.certificate, "this is no certificate")
  await until(() => renewing.errors().includes("is not used"), 5000)
  const socket = await open()
  expect(peerSerial(socket)).toBe(second)
  socket.destroy()

  // A connection of before goes on.
  held.write("GET /v1/stream/none HTTP/1.1\r\nHost: x\r\n\r\n")
  expect(String(await once(held, "data"))).toMatch(/^HTTP\/1.1 404/)
  held.destroy()
  await renewing.stop()
})

test.each([
  [["--tls-cert", "none.pem"], /go together/],
  [["--tls-cert", "none.pem", "--tls-key", "none.key"], /cannot use the certificate/],
])("the server does not start with %j", async (args, reason) => {
  await expect(startServer(["dev", ...args])).rejects.toThrow(reason)
})

test("a key of another certificate is refused at the start", async () => {
  const one = authority.issue("one")
  const other = authority.issue("other")
  await expect(startServer(["dev", "--tls-cert", one.certificate, "--tls-key", other.key])).rejects.toThrow(/cannot use the key|is not that of/)
})

test("on the hop both sides show certificates, and strangers are kept out", async () => {
  const hop = makeAuthority(folder.path, "hop")
  const stranger = makeAuthority(folder.path, "stranger")
  const storageFiles = hop.issue("storage")
  const storage = await startServer([
    "storage", "--data-dir", join(folder.path, "data"),
    "--grpc-tls-cert", storageFiles.certificate, "--grpc-tls-key", storageFiles.key, "--grpc-client-ca", hop.certificate,
  ])
  const gateway = async (files, ca = hop) =>
    startServer([
      "gateway", "--storage", storage.url, "--storage-ca", ca.certificate,
      ...(files ? ["--storage-tls-cert", files.certificate, "--storage-tls-key", files.key] : []),
    ])
  const ours = await gateway(hop.issue("gateway"))
  const put = (server) => fetch(`${server.url}s`, { method: "PUT" }).then((response) => response.status)
  expect(await put(ours)).toBe(201)

  const withoutOne = await gateway(undefined)
  const ofAnother = await gateway(stranger.issue("intruder"))
  const mistrusting = await gateway(hop.issue("gateway2"), stranger)
  const inClear = await startServer(["gateway", "--storage", storage.url])
  for (const server of [withoutOne, ofAnother, mistrusting, inClear]) {
    expect(await put(server)).toBe(503)
    const ready = await fetch(`${server.admin}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.text()).toMatch(/^storage: no connection/)
    await server.stop()
  }
  await ours.stop()
  await storage.stop()
})
