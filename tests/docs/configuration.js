// Writes docs/configuration.md from what the program says about its options:
//   node tests/docs/configuration.js > docs/configuration.md
import { spawnSync } from "node:child_process"
import { pathToFileURL } from "node:url"
import { binary } from "../harness/server.js"

const roles = ["dev", "serve", "storage", "gateway"]

/** The options in a role's --help. */
function optionsOf(role) {
  const help = String(spawnSync(binary, [role, "--help"]).stdout)
  const options = []
  for (const line of help.split("\n")) {
    const begin = /^ {2}--([a-z0-9-]+)(?: ([A-Z:]+(?:[{[][^}\]]*[}\]])?))?(?:=(\S+))?( REQUIRED)? *(.*)$/.exec(line)
    if (begin) {
      const [, name, , value, required, text] = begin
      options.push({ name, value: required ? "required" : value, text })
    } else if (options.length > 0 && /^ {10,}\S/.test(line)) {
      options.at(-1).text += (options.at(-1).text ? " " : "") + line.trim()
    }
  }
  return options
}

export function configuration() {
  const rows = new Map()
  for (const role of roles) {
    for (const { name, value, text } of optionsOf(role)) {
      if (!rows.has(name)) rows.set(name, { name, texts: new Map(), values: new Map() })
      const row = rows.get(name)
      row.values.set(role, value ?? "")
      row.texts.set(text, [...(row.texts.get(text) ?? []), role])
    }
  }
  const lines = [...rows.values()].map(({ name, texts, values }) => {
    const text = texts.size === 1 ? [...texts.keys()][0] : [...texts].map(([part, some]) => `${part} (${some.join(", ")})`).join("; ")
    const different = new Set(values.values()).size > 1
    const shown = different ? [...values].map(([role, value]) => `${value || "–"} (${role})`).join(", ") : [...values.values()][0]
    const where = values.size === roles.length ? "all" : [...values.keys()].join(", ")
    return `| \`--${name}\` | \`DS_${name.toUpperCase().replaceAll("-", "_")}\` | ${shown || "–"} | ${where} | ${text.replaceAll("|", "\\|")} |`
  })
  return `# Configuration

Every option can be given as a flag, in the environment, or in the TOML file that \`--config\` names (the
flag without its dashes: \`data-dir = "/var/lib/durable-streams"\`). Flags win over the environment, that
over the file. An unknown flag stops the start; an unknown key, and an unknown variable that begins with \`DS_\`,
is warned of by name.

Durations are written as \`500ms\`, \`30s\`, \`2h\`; sizes in bytes or as \`64KiB\`, \`64MiB\`. This table is made
from the program's own \`--help\`.

| flag | environment | default | roles | meaning |
|---|---|---|---|---|
${lines.join("\n")}
`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(configuration())
