// Usage: node fixtures.mjs FOLDER
// Writes one body per gateway, kind of message and rendering, the same bytes on every run.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { proto } from 'baileys'
import { emitted } from './decoded.mjs'
import { wahaEvent, wahaMessage } from './gateways.mjs'
import { renderings } from './renderings.mjs'

const folder = process.argv[2]
const CHAT = '5511999999999@s.whatsapp.net'
const GROUP = '120363025246125486@g.us'
const hex = text => Buffer.from(text, 'hex')
const target = { remoteJid: CHAT, fromMe: false, id: '3EB0TARGET' }

/** The published vector of the media crypto: its key is 0, 1, … 31. */
const path = '/v/t62.7118-24/golden_n.enc?ccb=11-4&oh=01_Q5Golden&oe=7FFFFF00&_nc_sid=5e03e0'
const image = {
    url: `https://mmg.whatsapp.net${path}`,
    directPath: path,
    mediaKey: Buffer.from(Array.from({ length: 32 }, (_, at) => at)),
    fileSha256: hex('c090368078d73efad27a94d2d7e357408e56f43b5d20ac99ad23860b829b6a92'),
    fileEncSha256: hex('a0f35fa34e6d5bfc21acf306ca610b1b6df743601b02c63d8325fb986faaf7b6'),
    fileLength: 60,
    mediaKeyTimestamp: 1736935200,
    mimetype: 'image/jpeg',
    caption: 'golden & true',
    jpegThumbnail: hex('ffd8ffe0')
}

const received = (message, { chat = CHAT, ...more } = {}) =>
    proto.WebMessageInfo.fromObject({
        key: { remoteJid: chat, fromMe: false, id: '3EB0GOLDEN', ...(chat === GROUP ? { participant: '5511888888888:7@s.whatsapp.net' } : {}) },
        messageTimestamp: 1736935200,
        pushName: 'Node',
        message,
        ...more
    })

/** The name begins with the gateway's. */
function file(name, body) {
    const [gateway, ...rest] = name.split('-')
    mkdirSync(join(folder, gateway), { recursive: true })
    writeFileSync(join(folder, gateway, rest.join('-')), body)
}

const extensions = { 'application/json': 'json', 'application/x-protobuf': 'pb' }

function write(what, message, only) {
    for (const render of renderings) {
        const { name, format, contentType, body } = render(message)
        if (!only || only.includes(name)) {
            const gateway = name.startsWith(format) ? name : `${format}-${name}`
            file(`${gateway}-${what}.${extensions[contentType]}`, body)
        }
    }
}

write('image', received({ imageMessage: image }))
const each = ['tojson', 'evolution-2.2', 'evolution-2.3.6', 'waha-noweb']
const context = { stanzaId: '3EB0TARGET', participant: CHAT, mentionedJid: ['5511777777777@s.whatsapp.net'], quotedMessage: { conversation: 'before' } }
write('reply', received({ extendedTextMessage: { text: 'and after', contextInfo: context } }, { chat: GROUP }), each)
write('view-once', received({ ephemeralMessage: { message: { viewOnceMessageV2: { message: { imageMessage: image } } } } }, { chat: GROUP }), each)
write('document', received({ documentWithCaptionMessage: { message: { documentMessage: { ...image, fileName: 'a.pdf', mimetype: 'application/pdf' } } } }), each)
write('reaction', received({ reactionMessage: { key: target, text: '👍' } }), each.slice(0, 3))
write('vote', received({ pollUpdateMessage: { pollCreationMessageKey: target } }), each.slice(0, 2))

// Evolution tells edits and deletions, and WAHA edits, in events of their own.
const edit = received({ protocolMessage: { key: target, type: 14, editedMessage: { conversation: 'fixed' }, timestampMs: 1736935300000 } })
const revoke = received({ protocolMessage: { key: target, type: 0 } })
write('edit', edit, ['tojson'])
write('revoke', revoke, ['tojson'])
const stub = received(undefined, { messageStubType: 2, messageStubParameters: ['Message absent from node'] })
file('baileys-tojson-stub.json', JSON.stringify({ messages: [emitted(stub)], type: 'notify' }))
file('baileys-bare-stub.json', JSON.stringify(stub))
const waha = (what, event, payload) => file(`waha-noweb-${what}.json`, JSON.stringify(wahaEvent(event, payload)))
waha('edit', 'message.edited', { ...wahaMessage(edit), body: 'fixed', editedMessageId: '3EB0TARGET' })
const after = wahaMessage(revoke)
waha('revoke', 'message.revoked', { after, before: null, revokedMessageId: '3EB0TARGET', _data: after._data })
