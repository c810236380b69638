// Baileys' messages in the envelopes of the gateways that run on it, as those gateways' code builds
// them: Evolution API in its three renderings, and WAHA's engine NOWEB.
import { getContentType } from 'baileys'
import { emitted, plain, received } from './decoded.mjs'

const cus = jid => jid?.replace('@s.whatsapp.net', '@c.us').replace(/:\d+@/, '@')

/** Evolution's own record of a message; long texts become short ones, and one wrapper goes. */
function record(message, render) {
    const decoded = received(message)
    const kind = getContentType(decoded.message)
    const made = {
        key: plain(decoded.key),
        pushName: decoded.pushName,
        status: 'DELIVERY_ACK',
        message: render({ ...decoded.message }),
        contextInfo: render({ context: decoded.message?.[kind]?.contextInfo ?? undefined }).context,
        messageType: kind ?? 'unknown',
        messageTimestamp: Number(decoded.messageTimestamp),
        instanceId: '5e0c1b4e-8f5b-4d0e-9f55-1d1e9d2c4a11',
        source: 'android'
    }
    if (made.message.extendedTextMessage) {
        made.messageType = 'conversation'
        made.message.conversation = made.message.extendedTextMessage.text
        delete made.message.extendedTextMessage
    }
    if (made.message.documentWithCaptionMessage) {
        made.messageType = 'documentMessage'
        made.message.documentMessage = made.message.documentWithCaptionMessage.message.documentMessage
        delete made.message.documentWithCaptionMessage
    }
    return made
}

/** Evolution's envelope. The API key of the instance is in every payload. */
export const evolutionEvent = (event, data) => ({
    event,
    instance: 'acme',
    data,
    destination: 'https://titan.acme.example/api/sessions/default/inbound',
    date_time: '2025-01-15T07:00:01.000Z',
    sender: '5511000000000@s.whatsapp.net',
    server_url: 'https://evolution.acme.example',
    apikey: '9C84DC7EBCC6-4B17-8625-A4A60018AC03'
})

const evolution = render => message => JSON.stringify(evolutionEvent('messages.upsert', record(message, render)))
const indexed = bytes => new Uint8Array(bytes)

/** Up to 2.3.2 only the outermost object is a copy: what is in it still writes itself, base64 and
 * lengths as strings. */
export const evolution22 = evolution(message => message)
/** 2.3.3 to 2.3.5: bytes under their index, lengths as numbers. */
export const evolution233 = evolution(message => plain(message, indexed, Number))
/** 2.3.6: bytes under their index, lengths as Longs. */
export const evolution236 = evolution(message => plain(message, indexed))

/** WAHA's envelope. */
export const wahaEvent = (event, payload, engine = 'NOWEB') => ({
    id: 'evt_01jkx5cq9e8p4d7m2t6v0w3y1z',
    timestamp: 1736935201000,
    event,
    session: 'default',
    metadata: {},
    me: { id: '5511000000000@c.us', pushName: 'Acme', lid: '170000000000000@lid' },
    payload,
    engine,
    environment: { version: '2025.11.2', engine, tier: 'CORE', browser: null }
})

/** WAHA's id of a message. */
export const wahaId = key =>
    [key.fromMe, cus(key.remoteJid), key.id, ...(key.participant ? [cus(key.participant)] : [])].join('_')

/** WAHA's form of a message of NOWEB, with downloads switched off. */
export function wahaMessage(message) {
    const data = emitted(message)
    return {
        id: wahaId(data.key),
        timestamp: data.messageTimestamp,
        from: cus(data.key.remoteJid),
        fromMe: data.key.fromMe,
        source: 'app',
        body: '',
        to: null,
        participant: data.key.participant ? cus(data.key.participant) : null,
        hasMedia: true,
        media: null,
        ack: 1,
        ackName: 'SERVER',
        vCards: [],
        replyTo: null,
        _data: data
    }
}

export const wahaNoweb = message => JSON.stringify(wahaEvent('message', wahaMessage(message)))
