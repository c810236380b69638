// How a Baileys message reaches a gateway's consumer: every rendering that real gateways produce.
import { BufferJSON, proto } from 'baileys'
import { emitted, plain, received } from './decoded.mjs'
import { evolution22, evolution233, evolution236, wahaNoweb } from './gateways.mjs'

const upsert = (message, type = 'notify') => ({ messages: [message], type })

const json = (name, render, format = 'baileys') => message => ({ name, format, contentType: 'application/json', body: Buffer.from(render(message)) })

export const renderings = [
    // Protobuf classes intact: base64 strings, lengths as strings.
    json('tojson', message => JSON.stringify(upsert(emitted(message)))),
    // Spread: {"type":"Buffer","data":[…]} and {low, high, unsigned}.
    json('spread-buffer', message => JSON.stringify(upsert(plain(emitted(message), Buffer.from)))),
    // Spread with Uint8Array: {"0":146,"1":12,…}.
    json('spread-uint8', message => JSON.stringify(upsert(plain(emitted(message), bytes => new Uint8Array(bytes)), 'append'))),
    // BufferJSON over spread objects: {"type":"Buffer","data":"base64"}.
    json('bufferjson', message => JSON.stringify(upsert(plain(emitted(message), Buffer.from)), BufferJSON.replacer)),
    // A bare WebMessageInfo: even the timestamp is a string.
    json('bare', message => JSON.stringify(received(message))),
    // In the envelopes of gateways that run on Baileys.
    json('evolution-2.2', evolution22, 'evolution'),
    json('evolution-2.3.3', evolution233, 'evolution'),
    json('evolution-2.3.6', evolution236, 'evolution'),
    json('waha-noweb', wahaNoweb, 'waha'),
    // Not JSON at all.
    message => ({
        name: 'protobuf-webmessageinfo',
        format: 'protobuf-webmessageinfo',
        contentType: 'application/x-protobuf',
        body: Buffer.from(proto.WebMessageInfo.encode(message).finish())
    }),
    message => ({
        name: 'protobuf-message',
        format: 'protobuf-message',
        contentType: 'application/x-protobuf',
        query: {
            messageId: message.key.id,
            chat: message.key.remoteJid,
            ...(message.key.participant ? { participant: message.key.participant } : {}),
            fromMe: 'false',
            timestamp: String(message.messageTimestamp)
        },
        body: Buffer.from(proto.Message.encode(message.message).finish())
    })
]
