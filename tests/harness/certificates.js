// Certificates for tests, made by the real openssl.
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

function openssl(...args) {
  const result = spawnSync("openssl", args)
  if (result.status !== 0) throw new Error(`openssl ${args.join(" ")}: ${result.stderr}`)
}

/** An authority in `folder`; `issue(name)` makes a certificate of it for localhost. */
export function makeAuthority(folder, name = "ca") {
  const key = join(folder, `${name}.key`)
  const certificate = join(folder, `${name}.pem`)
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  openssl("req", "-x509", ...curve, "-keyout", key, "-out", certificate, "-days", "2", "-subj", `/CN=${name}`)
  return {
    certificate,
    pem: () => readFileSync(certificate),
    issue(subject, { days = 1 } = {}) {
      const files = { certificate: join(folder, `${subject}.pem`), key: join(folder, `${subject}.key`) }
      const request = join(folder, `${subject}.csr`)
      const extensions = join(folder, `${subject}.ext`)
      writeFileSync(extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
      openssl("req", ...curve, "-keyout", files.key, "-out", request, "-subj", `/CN=${subject}`)
      openssl("x509", "-req", "-in", request, "-CA", certificate, "-CAkey", key, "-CAcreateserial", "-days", String(days), "-out", files.certificate, "-extfile", extensions)
      return files
    },
  }
}
