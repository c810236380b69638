// TITAN_URL=http://localhost:8080/api/sessions/default/inbound TITAN_KEY=… node index.mjs
import makeWASocket, { DisconnectReason, useMultiFileAuthState } from 'baileys'
import { forward } from './forward.mjs'

const { state, saveCreds } = await useMultiFileAuthState('auth')

function connect() {
    const socket = makeWASocket({ auth: state })
    forward(socket.ev, process.env.TITAN_URL, process.env.TITAN_KEY)
    socket.ev.on('creds.update', saveCreds)
    socket.ev.on('connection.update', ({ connection, lastDisconnect, qr }) => {
        if (qr) console.log('scan this code:', qr)
        if (connection === 'close' && lastDisconnect?.error?.output?.statusCode !== DisconnectReason.loggedOut) connect()
    })
}

connect()
