// Usage: node encrypt.mjs FOLDER
// Lets Baileys prepare files of every kind for sending: its own code derives keys, encrypts, hashes
// and builds the message. Writes the blobs, the originals' hashes and the requests of a gateway.
import { createCipheriv, createHmac } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateWAMessageContent, generateWAMessageFromContent, getMediaKeys, prepareWAMessageMedia } from 'baileys'
import { bytesOf, files, sha256 } from './files.mjs'
import { renderings } from './renderings.mjs'
import { edit, wrappers } from './wrappers.mjs'

const folder = process.argv[2]
mkdirSync(join(folder, 'blobs'), { recursive: true })
mkdirSync(join(folder, 'bodies'), { recursive: true })

const CHAT = '5511999999999@s.whatsapp.net'
const GROUP = '120363025246125486@g.us'
const MEMBER = '5511888888888:7@s.whatsapp.net'
const SENT = new Date('2025-01-15T10:00:00Z')
const logger = { debug() {}, info() {}, warn: console.error, error: console.error, trace() {}, child: () => logger }

const cdn = []
const requests = []
let serial = 0

/** Keeps a blob as the CDN would and returns its signed path. */
function keep(blob, type) {
    serial += 1
    const file = `blobs/${serial}`
    writeFileSync(join(folder, file), blob)
    const directPath = `/v/t62.7118-24/node${serial}_n.enc?ccb=11-4&oh=01_Q5Aa${serial}&oe=7FFFFF00&_nc_sid=5e03e0`
    cdn.push({ directPath, file, type })
    return directPath
}

const upload = async (path, { mediaType }) => {
    const directPath = keep(readFileSync(path), mediaType)
    return { mediaUrl: `https://mmg.whatsapp.net${directPath}`, directPath }
}

const options = { logger, upload, userJid: MEMBER, jid: CHAT }
const inline = { jpegThumbnail: Buffer.from('/9j/4AAQSkZJRg==', 'base64') }

/** Baileys' own message for `plain`. */
function prepare(kind, plain, content, more = {}) {
    const thumbnail = kind === 'image' || kind === 'video' ? inline : {}
    return generateWAMessageContent({ [kind]: plain, ...thumbnail, ...content }, { ...options, ...more })
}

/** A thumbnail on the CDN: Baileys' keys for the thumbnail type under the parent's media key. */
async function thumbnail(mediaKey, kind, plain) {
    const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, `thumbnail-${kind}`)
    const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
    const encrypted = Buffer.concat([cipher.update(plain), cipher.final()])
    const mac = createHmac('sha256', macKey).update(iv).update(encrypted).digest().subarray(0, 10)
    const blob = Buffer.concat([encrypted, mac])
    return {
        thumbnailDirectPath: keep(blob, `thumbnail-${kind}`),
        thumbnailSha256: Buffer.from(sha256(plain), 'hex'),
        thumbnailEncSha256: Buffer.from(sha256(blob), 'hex')
    }
}

/** Adds the requests that carry `content`, one per rendering in `only` (all where left out). */
function post(name, content, expected, { chat = CHAT, only, id } = {}) {
    for (const render of renderings) {
        const messageId = id ?? `3EB0NODE${String(requests.length).padStart(6, '0')}`
        const message = generateWAMessageFromContent(chat, content, { userJid: MEMBER, messageId, timestamp: SENT })
        message.key.fromMe = false
        message.status = undefined
        message.pushName = 'Node'
        if (chat === GROUP) {
            message.key.participant = MEMBER
        }
        const request = render(message)
        if (only && !only.includes(request.name)) {
            continue
        }
        const body = `bodies/${requests.length}`
        writeFileSync(join(folder, body), request.body)
        requests.push({
            name: `${name}/${request.name}`,
            query: { format: request.format, ...(request.query ?? {}) },
            contentType: request.contentType,
            body,
            messageId,
            expected
        })
    }
}

const fact = (kind, plain) => ({ kind, length: plain.length, sha256: sha256(plain) })

// Every kind and size, in every rendering up to 64 KiB and in two above.
for (const { kind, length, content } of files) {
    const plain = bytesOf(`node-${kind}-${length}`, length)
    const message = await prepare(kind, plain, content)
    const only = length > 65536 ? ['tojson', 'protobuf-webmessageinfo', 'evolution-2.3.6', 'waha-noweb'] : undefined
    post(`${kind}-${length}`, message, [fact(kind, plain)], { only })
}

// Every wrapper, in a group too.
for (const [name, wrap] of Object.entries(wrappers)) {
    const kind = name === 'documentWithCaption' || name === 'threeDeep' ? 'document' : name === 'lottie' ? 'sticker' : 'image'
    const plain = bytesOf(`node-wrapper-${name}`, 2000)
    const message = await prepare(kind, plain, kind === 'document' ? { mimetype: 'application/pdf', fileName: 'w.pdf', caption: 'c' } : {})
    post(`wrapper-${name}`, wrap(message), [fact(kind, plain)], { only: ['tojson', 'spread-buffer', 'protobuf-webmessageinfo', 'evolution-2.2', 'evolution-2.3.6', 'waha-noweb'] })
    post(`wrapper-${name}-group`, wrap(message), [fact(kind, plain)], { chat: GROUP, only: ['spread-uint8', 'protobuf-message', 'evolution-2.3.3', 'waha-noweb'] })
}

// Baileys' own ephemeral and view-once sending.
{
    const plain = bytesOf('node-own-view-once', 3000)
    const message = await prepare('image', plain, { viewOnce: true })
    post('own-view-once', message, [fact('image', plain)], { only: ['tojson', 'bufferjson'] })
}

// Thumbnails on the CDN of all three types, and of a link.
for (const kind of ['image', 'video', 'document']) {
    const plain = bytesOf(`node-with-thumbnail-${kind}`, 70000)
    const small = bytesOf(`node-thumbnail-${kind}`, 900)
    const message = await prepare(kind, plain, kind === 'document' ? { mimetype: 'application/pdf', fileName: 't.pdf' } : {})
    const node = message[`${kind}Message`]
    Object.assign(node, await thumbnail(node.mediaKey, kind, small))
    post(`thumbnail-${kind}`, message, [{ ...fact(kind, plain), thumbnail: fact('image', small) }], { only: ['tojson', 'protobuf-webmessageinfo'] })
}
{
    const plain = bytesOf('node-link-thumbnail', 1200)
    const { imageMessage } = await prepareWAMessageMedia({ image: plain, ...inline }, { ...options, mediaTypeOverride: 'thumbnail-link' })
    const linkPreview = { 'matched-text': 'https://example.com', title: 'Example', highQualityThumbnail: imageMessage }
    const message = await generateWAMessageContent({ text: 'see https://example.com', linkPreview }, options)
    post('link-thumbnail', message, [], { only: ['tojson', 'spread-buffer'] })
}

// A channel's file is not encrypted.
{
    const plain = bytesOf('node-newsletter', 5000)
    const jid = '120363111111111111@newsletter'
    const message = await prepare('image', plain, {}, { jid })
    post('newsletter', message, [fact('image', plain)], { chat: jid, only: ['tojson', 'spread-uint8', 'protobuf-webmessageinfo', 'evolution-2.3.6', 'waha-noweb'] })
}

// An edit that repeats the same file links to the first record.
{
    const plain = bytesOf('node-edited', 2500)
    const message = await prepare('image', plain, { caption: 'before' })
    const id = '3EB0NODEEDITED'
    post('edited-original', message, [fact('image', plain)], { only: ['tojson'], id })
    message.imageMessage.caption = 'after'
    post('edited', edit(message, id, CHAT), [{ ...fact('image', plain), sameAs: id }], { only: ['tojson'] })
    post('edited-wrapped', { editedMessage: { message: edit(message, id, CHAT) } }, [{ ...fact('image', plain), sameAs: id }], { only: ['spread-buffer'] })
}

writeFileSync(join(folder, 'cdn.json'), JSON.stringify(cdn, null, 1))
writeFileSync(join(folder, 'requests.json'), JSON.stringify(requests, null, 1))
console.log(`${requests.length} requests, ${cdn.length} blobs`)
