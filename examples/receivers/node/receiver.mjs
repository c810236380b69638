// PORT=3000 WEBHOOK_SECRET=whsec_… node receiver.mjs
import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.WEBHOOK_SECRET)
const seen = new Set() // yours: a table with a unique id

createServer(async (request, response) => {
    const parts = []
    for await (const part of request) parts.push(part)
    const answer = status => response.writeHead(status).end()
    let event
    try {
        // The bytes as they came; throws unless they are signed, and lately.
        event = webhook.verify(Buffer.concat(parts).toString(), request.headers)
    } catch {
        return answer(401)
    }
    if (!seen.has(event.id)) {
        handle(event)
        seen.add(event.id)
    }
    answer(204)
}).listen(process.env.PORT, process.env.HOST ?? '127.0.0.1')

function handle({ event, payload }) {
    console.log(event, payload.id ?? '', payload.mediaUrl ?? '')
}
