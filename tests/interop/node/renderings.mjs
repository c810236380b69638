// How a Baileys message reaches a gateway's consumer: every rendering that real gateways produce.
import { BufferJSON, proto } from 'baileys'

const isBytes = value => value instanceof Uint8Array

/** A plain copy, as object spread leaves it: no `toJSON` of protobuf classes any more. */
function plain(value, bytes) {
    if (isBytes(value)) {
        return bytes(value)
    }
    if (Array.isArray(value)) {
        return value.map(item => plain(item, bytes))
    }
    if (value && typeof value === 'object') {
        // A Long stays `{low, high, unsigned}`.
        const fields = Object.entries(value).filter(([, field]) => field !== null && field !== undefined && typeof field !== 'function')
        return Object.fromEntries(fields.map(([name, field]) => [name, plain(field, bytes)]))
    }
    return value
}

const upsert = (message, type = 'notify') => ({ messages: [message], type })

/** What the wire gives a receiving client: decoded from protobuf, so with Longs and defaults gone. */
const received = message => proto.WebMessageInfo.decode(proto.WebMessageInfo.encode(message).finish())

/** The event as Baileys emits it: `messageTimestamp` is a number, the message is a protobuf class. */
function emitted(message) {
    const decoded = received(message)
    return {
        key: plain(decoded.key, Buffer.from),
        messageTimestamp: Number(decoded.messageTimestamp),
        pushName: decoded.pushName,
        broadcast: false,
        message: decoded.message
    }
}

const json = (name, render) => message => ({ name, format: 'baileys', contentType: 'application/json', body: Buffer.from(render(message)) })

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
