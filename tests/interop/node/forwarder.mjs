// Usage: node forwarder.mjs FORWARD.mjs URL KEY
// Runs the example's forwarder on a socket's events with two messages of Baileys.
import { EventEmitter } from 'node:events'
import { pathToFileURL } from 'node:url'
import { proto } from 'baileys'
import { emitted } from './decoded.mjs'

const [example, url, key] = process.argv.slice(2)
const { forward } = await import(pathToFileURL(example))
const events = new EventEmitter()
const idle = forward(events, url, key)
for (const id of ['3EB0FORWARD1', '3EB0FORWARD2']) {
    const message = proto.WebMessageInfo.fromObject({
        key: { remoteJid: '5511999999999@s.whatsapp.net', fromMe: false, id },
        messageTimestamp: 1736935200,
        message: { conversation: 'forwarded' }
    })
    events.emit('messages.upsert', { messages: [emitted(message)], type: 'notify' })
}
await idle()
