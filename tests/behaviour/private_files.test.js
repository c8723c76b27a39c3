// Who may read the files that the program makes and is given.
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { makeAuthority } from "../harness/certificates.js"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams, until } from "../harness/streams.js"

let folder
let server
beforeEach(() => {
  folder = scratchFolder()
})
afterEach(async () => {
  await server?.stop()
  server = undefined
  folder.remove()
})

// Whatever it is started from lets everybody do everything.
const open = ["sh", "-c", 'umask 0; exec "$0" "$@"']
const runOpen = (...args) => spawnSync(open[0], [...open.slice(1), binary, ...args], { timeout: 20_000 })
const mode = (path) => statSync(path).mode & 0o7777

/** The paths in a directory, and itself, whose mode is not that of private files. */
function exposed(directory) {
  const paths = [directory, ...readdirSync(directory, { recursive: true }).map((name) => join(directory, name))]
  expect(paths.length).toBeGreaterThan(4)
  return paths.filter((path) => mode(path) !== (statSync(path).isDirectory() ? 0o700 : 0o600)).map((path) => `${path} ${mode(path).toString(8)}`)
}

test("the data directory and backups are private whatever the umask, those of commands too", async () => {
  const data = join(folder.path, "data")
  const backups = join(folder.path, "backups")
  server = await startServer(["serve", "--data-dir", data, "--backup-dir", backups, "--registry"], { prefix: open })
  await streams(server.url).create("s", { type: "text/plain", body: "x" })
  expect((await fetch(`${server.admin}/backup`, { method: "POST" })).status).toBe(200)
  expect(exposed(data)).toEqual([])
  expect(exposed(backups)).toEqual([])
  await server.stop()
  server = undefined

  const more = join(folder.path, "more")
  expect(runOpen("backup", "--data-dir", data, "--backup-dir", more).status).toBe(0)
  expect(exposed(more)).toEqual([])
  const restored = join(folder.path, "restored")
  expect(runOpen("restore", "--backup-dir", backups, "--data-dir", restored).status).toBe(0)
  expect(exposed(restored)).toEqual([])
})

test("directories that are there are tightened, and the log says so", async () => {
  const data = join(folder.path, "data")
  const backups = join(folder.path, "backups")
  server = await startServer(["serve", "--data-dir", data, "--backup-dir", backups])
  expect((await fetch(`${server.admin}/backup`, { method: "POST" })).status).toBe(200)
  await server.stop()
  for (const directory of [data, backups]) {
    for (const name of ["", ...readdirSync(directory, { recursive: true })]) {
      const path = join(directory, name)
      chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644)
    }
  }
  server = await startServer(["serve", "--data-dir", data, "--backup-dir", backups])
  expect((await fetch(`${server.admin}/backup`, { method: "POST" })).status).toBe(200)
  expect(exposed(data)).toEqual([])
  expect(exposed(backups)).toEqual([])
  expect(server.errors()).toContain(`${data} was open to other users`)
  expect(server.errors()).toContain(`${backups} was open to other users`)
})

test("a directory that others use too stays as it is, with a warning", async () => {
  const data = join(folder.path, "data")
  mkdirSync(join(data, "somebody"), { recursive: true })
  chmodSync(data, 0o755)
  server = await startServer(["serve", "--data-dir", data])
  expect(mode(data)).toBe(0o755)
  expect(server.errors()).toMatch(/data holds secrets and is open to other users.*a folder somebody/)
  const own = readdirSync(data).filter((name) => name !== "somebody")
  expect(own.filter((name) => mode(join(data, name)) !== 0o600)).toEqual([])
})

test.each([0o644, 0o640, 0o600])("files with secrets are judged at a start: %o", async (bits) => {
  const { certificate, key } = makeAuthority(folder.path).issue("server")
  const auth = join(folder.path, "auth.json")
  const tokens = join(folder.path, "tokens")
  const secrets = join(folder.path, "secrets")
  const urls = join(folder.path, "url-secret")
  writeFileSync(urls, "s".repeat(40))
  chmodSync(urls, bits)
  writeFileSync(auth, JSON.stringify({ anonymous: { rules: [{ paths: ["**"], operations: ["*"] }] }, url_signing: { keys: [{ id: "a", secret_file: "url-secret" }] } }))
  writeFileSync(tokens, "0123456789abcdef\n")
  writeFileSync(secrets, `${"07".repeat(32)}\n`)
  const files = { "tls-key": key, "auth-config": auth, "grpc-token-file": tokens, "grpc-tls-key": key, "secrets-key-file": secrets }
  for (const file of Object.values(files)) chmodSync(file, bits)
  const flags = Object.entries(files).flatMap(([flag, file]) => [`--${flag}`, file])
  const rest = ["--tls-cert", certificate, "--grpc-tls-cert", certificate, "--grpc-listen", "127.0.0.1:0"]
  server = await startServer(["serve", "--data-dir", join(folder.path, "data"), ...flags, ...rest])
  for (const [flag, file] of [...Object.entries(files), ["auth-config", urls]]) {
    const warned = server.errors().includes(`--${flag}: ${file} can be read by ${bits & 4 ? "everybody" : "its group"}`)
    expect([flag, warned]).toEqual([flag, bits !== 0o600])
  }
  server = void (await server.stop())

  const gateway = await startServer(["gateway", "--storage", "127.0.0.1:9", "--storage-token-file", tokens])
  if (bits !== 0o600) await until(() => gateway.errors().includes("--storage-token-file"))
  await gateway.stop()
  expect(gateway.errors().includes("--storage-token-file")).toBe(bits !== 0o600)
})
