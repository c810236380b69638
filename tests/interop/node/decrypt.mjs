// Usage: node decrypt.mjs ORIGIN FILES.json OUT
// Lets Baileys download and decrypt what Titan encrypted; writes each plaintext under its name.
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { downloadContentFromMessage } from 'baileys'

const [origin, list, out] = process.argv.slice(2)
for (const file of JSON.parse(readFileSync(list))) {
    const message = { mediaKey: Buffer.from(file.mediaKey, 'base64'), url: origin + file.directPath }
    await pipeline(await downloadContentFromMessage(message, file.type), createWriteStream(join(out, file.name)))
}
