// --secrets-key-file: the secrets in a data directory, encrypted with a key from outside of it.
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"

let folder
let data
let keys
let server
beforeEach(() => {
  folder = scratchFolder()
  data = join(folder.path, "data")
  keys = join(folder.path, "keys")
})
afterEach(async () => {
  await server?.stop()
  server = undefined
  folder.remove()
})

const newKey = () => randomBytes(32).toString("hex")
function give(...lines) {
  writeFileSync(keys, lines.join("\n"))
  chmodSync(keys, 0o600)
}
const withKeys = ["--secrets-key-file"]
const start = async (...args) => {
  server = await startServer(["serve", "--data-dir", data, "--backup-dir", join(folder.path, "backups"), ...args])
}
const stop = async () => {
  await server.stop()
  server = undefined
}
const published = async () => (await (await fetch(`${server.url}__ds/jwks.json`)).json()).keys.map(({ kid }) => kid)
const refusal = async (...args) => start(...args).then(() => "it started", (error) => String(error))

test("a directory is encrypted at the first start with a key, and needs it from then on", async () => {
  await start()
  const [kid] = await published()
  await stop()
  const key = newKey()
  give("# made today", "", key)
  await start(...withKeys, keys)
  expect(await published()).toEqual([kid])
  expect((await fetch(`${server.admin}/backup`, { method: "POST" })).status).toBe(200)
  await stop()

  expect(await refusal()).toMatch(/encrypted with the key [0-9a-f]{16}: name the file that has it by --secrets-key-file/)
  give(newKey())
  expect(await refusal(...withKeys, keys)).toMatch(/encrypted with the key [0-9a-f]{16}, which is none of the 1 in/)
  give(key)
  await start(...withKeys, keys)
  expect(await published()).toEqual([kid])
  await stop()
  expect(spawnSync(binary, ["check", "--data-dir", data]).status).toBe(0)

  // So does a backup of it.
  data = join(folder.path, "restored")
  expect(spawnSync(binary, ["restore", "--backup-dir", join(folder.path, "backups"), "--data-dir", data]).status).toBe(0)
  expect(await refusal()).toMatch(/--secrets-key-file/)
  await start(...withKeys, keys)
  expect(await published()).toEqual([kid])
})

test("keys are rotated by putting a new one in front", async () => {
  const [first, second] = [newKey(), newKey()]
  give(first)
  await start(...withKeys, keys)
  const kids = await published()
  await stop()
  give(second, first)
  await start(...withKeys, keys)
  expect(await published()).toEqual(kids)
  await stop()
  give(second)
  await start(...withKeys, keys)
  expect(await published()).toEqual(kids)
  await stop()
  give(first)
  expect(await refusal(...withKeys, keys)).toMatch(/none of the 1/)
})

test.each([
  ["", /holds no key/],
  ["abc", /64 hex digits/],
  [`${"0".repeat(63)}g`, /64 hex digits/],
  [`${"0".repeat(66)}`, /64 hex digits/],
])("a file that is no list of keys stops the start: %j", async (text, reason) => {
  give(text)
  const said = await refusal(...withKeys, keys)
  expect(said).toMatch(reason)
  if (text !== "") expect(said).not.toContain(`${text}"`)
  expect(await refusal(...withKeys, join(folder.path, "none"))).toMatch(/cannot read/)
})
