// The worked example in docs/security.md: by its own rules, and by the program.
import { spawnSync } from "node:child_process"
import { createHmac } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { binary } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const text = readFileSync(join(root, "docs/security.md"), "utf8")
const [, secret, key, time, seconds] = /For the secret\n`(.*?)`, the key `(.*?)` and the time (\S+) \((\d+)\):/.exec(text)
const first = /\| `read` for the path `(.*?)` \(`(.*?)` in the URL\), no signer \| `(.*?)` \|/.exec(text)
const second = /\| `read,append` for the pattern `(.*?)`, signer `(.*?)` \| `(.*?)` \|/.exec(text)
const sign = (...lines) => createHmac("sha256", secret).update(["durable-streams-url-v1", key, seconds, ...lines].join("\n")).digest("base64url")

test("the signatures are those of the lines that are specified", () => {
  expect(sign("read", "", "path", first[1])).toBe(first[3])
  expect(sign("read,append", second[2], "pattern", second[1])).toBe(second[3])
})

test("the program signs the same", () => {
  const folder = scratchFolder()
  const file = join(folder.path, "auth.json")
  writeFileSync(file, JSON.stringify({ url_signing: { max_lifetime_seconds: 1e9, keys: [{ id: key, secret }] } }))
  const { stdout } = spawnSync(binary, ["sign-url", "--auth-config", file, "--path", first[1], "--expires-at", time, "--root", "https://streams.example/v1/stream"])
  folder.remove()
  expect(String(stdout).trim()).toBe(`https://streams.example/v1/stream/${first[2]}?ds-key=${key}&ds-expires=${seconds}&ds-operations=read&ds-signature=${first[3]}`)
})
