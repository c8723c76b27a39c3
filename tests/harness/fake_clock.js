// A system's clock of a process's own, by Debian's libfaketime: it can be set while the process runs. The
// monotonic clocks are the machine's.
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const library = readdirSync("/usr/lib")
  .map((name) => join("/usr/lib", name, "faketime"))
  .flatMap((folder) => {
    try {
      return readdirSync(folder).map((name) => join(folder, name))
    } catch {
      return []
    }
  })
  .find((path) => path.endsWith("/libfaketimeMT.so.1"))

/** `env` is for startServer; `set(seconds)` sets the clock so far from the machine's. */
export function fakeClock() {
  if (!library) throw new Error("libfaketime is not installed: deploy/install --tests")
  const folder = mkdtempSync(join(tmpdir(), "ds-clock-"))
  const file = join(folder, "offset")
  const set = (seconds) => {
    // In one step, since it is read at any time.
    writeFileSync(`${file}.new`, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}\n`)
    renameSync(`${file}.new`, file)
  }
  set(0)
  return {
    env: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" },
    set,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
