// The documentation against the program and the sources.
import { readFileSync, readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { configuration } from "./configuration.js"
import { metrics } from "./metrics.js"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const read = (path) => readFileSync(join(root, path), "utf8")
const sources = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => /\.(cc|h)$/.test(name) && !name.includes("_test"))
    .map((name) => read(join(folder, name)))
    .join("\n")

test("docs/configuration.md is what the program says of its options", () => {
  const made = configuration()
  expect(made.split("\n").filter((line) => line.startsWith("| `--")).length).toBeGreaterThan(20)
  expect(read("docs/configuration.md")).toBe(made)
})

test("docs/metrics.md is what the server exports", async () => {
  const made = await metrics()
  expect(made.split("\n").filter((line) => line.startsWith("| `")).length).toBeGreaterThan(80)
  expect(read("docs/metrics.md")).toBe(made)
})

test("docs/security.md has every member of the configuration, and every operation", () => {
  const documented = read("docs/security.md")
  const members = [...read("gateway/auth/config.cc").matchAll(/CheckMembers\([^{]*\{([^}]*)\}/g)].flatMap((match) => [...match[1].matchAll(/"(\w+)"/g)].map(([, name]) => name))
  const operations = [...read("gateway/auth/rules.cc").matchAll(/name == "(\w+)"/g)].map(([, name]) => name)
  expect(members.length).toBeGreaterThan(15)
  expect(operations.length).toBe(6)
  expect(members.filter((name) => !documented.includes(`\`${name}\``) && !documented.includes(`"${name}"`))).toEqual([])
  expect(operations.filter((name) => !documented.includes(`| \`${name}\` |`))).toEqual([])
})

test("docs/operations.md has every health check and every command", () => {
  const documented = read("docs/operations.md") + read("docs/subscriptions.md") + read("docs/security.md")
  const checks = [...read("server/server.cc").matchAll(/Add(?:Live|Readi)ness\("(\w+)"/g)].map(([, name]) => name)
  const commands = [...(sources("commands").matchAll(/add_subcommand\(\s*"([\w-]+)"/g))].map(([, name]) => name)
  expect(checks.length).toBeGreaterThan(4)
  expect(commands.length).toBeGreaterThan(5)
  for (const name of checks) expect(documented).toContain(`| \`${name}\` |`)
  for (const name of commands) expect(documented).toMatch(new RegExp(`durable-streams (stream )?\\S*${name}|\\b${name}\\|?`))
})

test("docs/api.md has every header that the server reads or sends", () => {
  const code = sources("gateway/handlers") + sources("gateway/http")
  const names = new Set([...code.matchAll(/(?:Add|Find|Count)\("([A-Za-z-]+)"/g)].map((match) => match[1].toLowerCase()))
  expect(names.size).toBeGreaterThan(30)
  const documented = read("docs/api.md").toLowerCase()
  expect([...names].filter((name) => !documented.includes(`\`${name}`))).toEqual([])
})

test("docs/storage-format.md has every column family, key and field", () => {
  const documented = read("docs/storage-format.md")
  const keys = read("storage/engine/keys.h")
  const families = [.../kFamilyNames\[\] = \{([^}]*)\}/.exec(keys)[1].matchAll(/"(\w+)"/g)].map((match) => match[1])
  const names = [...keys.matchAll(/Key\[\] = "(\w+)"/g)].map((match) => match[1])
  const protos = read("storage/engine/metadata.proto") + read("storage/engine/subscriptions.proto")
  const fields = [...protos.matchAll(/ (\w+) = \d+;/g)].map((match) => match[1])
  expect(families.length).toBeGreaterThan(4)
  expect(fields.length).toBeGreaterThan(35)
  expect([...families, ...names].filter((name) => !documented.includes(`\`${name}\``))).toEqual([])
  expect(fields.filter((name) => !documented.includes(name))).toEqual([])
})

test("docs/testing.md names tests that exist", () => {
  const rows = [...read("docs/testing.md").matchAll(/^\| [^|]+ \| ((?:tests|storage)\/\S+) \| (.+) \|$/gm)]
  expect(rows.length).toBeGreaterThan(25)
  for (const [, file, name] of rows) expect(read(file), `${file}: ${name}`).toContain(name)
})

test("docs/security.md names tests that exist", () => {
  const documented = read("docs/security.md")
  const tables = documented.split("\n").filter((line) => line.startsWith("| "))
  const files = new Set(tables.flatMap((line) => [...line.matchAll(/\b(?:tests|storage|gateway|server)\/[\w/.]+(?:_test\.cc|\.test\.js)/g)].map(([file]) => file)))
  expect(files.size).toBeGreaterThan(25)
  for (const file of files) expect(read(file).length, file).toBeGreaterThan(0)
  const attacks = [...documented.matchAll(/^\| .* \| (\S+\.(?:cc|js)): (.+) \|$/gm)]
  expect(attacks.length).toBeGreaterThan(20)
  for (const [, file, name] of attacks) expect(read(file), `${file}: ${name}`).toContain(name)
})

test("links between the documents lead somewhere", () => {
  const pages = ["README.md", ...readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)]
  for (const page of pages) {
    const prose = read(page).replace(/```[^]*?```/g, "")
    for (const [, target] of prose.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      expect(() => readFileSync(join(root, dirname(page), target)), `${page}: ${target}`).not.toThrow()
    }
  }
})
