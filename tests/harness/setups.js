// The three ways to run the server, for tests that hold in each of them.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startServer, startSplit } from "./server.js"

/** A new empty folder, and what removes it. */
export function scratchFolder() {
  const path = mkdtempSync(join(tmpdir(), "ds-"))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

async function withFolder(start) {
  const folder = scratchFolder()
  const server = await start(join(folder.path, "data"))
  return {
    ...server,
    stop: async () => {
      const result = await server.stop()
      folder.remove()
      return result
    },
  }
}

/**
 * Name and start function of each. `args` are options of the HTTP side, `storageArgs` of the
 * storage; one process has both.
 */
export const setups = [
  ["dev", (args = [], storageArgs = []) => startServer(["dev", ...args, ...storageArgs])],
  ["serve", (args = [], storageArgs = []) => withFolder((dir) => startServer(["serve", "--data-dir", dir, ...args, ...storageArgs]))],
  ["gateway", (args = [], storageArgs = []) => withFolder((dir) => startSplit(dir, args, storageArgs))],
]
