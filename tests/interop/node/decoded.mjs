// Messages as Baileys hands them to its caller, and plain copies of them.
import { proto } from 'baileys'

const isBytes = value => value instanceof Uint8Array
const isLong = value => typeof value?.low === 'number' && typeof value?.high === 'number'
const kept = value => value

/** A plain copy, as object spread leaves it: no `toJSON` of protobuf classes any more. A Long stays
 * `{low, high, unsigned}` where `longs` leaves it. */
export function plain(value, bytes = Buffer.from, longs = kept) {
    if (isBytes(value)) {
        return bytes(value)
    }
    if (Array.isArray(value)) {
        return value.map(item => plain(item, bytes, longs))
    }
    if (isLong(value)) {
        const { low, high, unsigned } = value
        return longs === kept ? { low, high, unsigned } : longs(value)
    }
    if (value && typeof value === 'object') {
        const fields = Object.entries(value).filter(([, field]) => field !== null && field !== undefined && typeof field !== 'function')
        return Object.fromEntries(fields.map(([name, field]) => [name, plain(field, bytes, longs)]))
    }
    return value
}

/** What the wire gives a receiving client: decoded from protobuf, so with Longs and defaults gone. */
export const received = message => proto.WebMessageInfo.decode(proto.WebMessageInfo.encode(message).finish())

/** The event as Baileys emits it: `messageTimestamp` is a number, the message is a protobuf class. */
export function emitted(message) {
    const decoded = received(message)
    return {
        key: plain(decoded.key),
        messageTimestamp: Number(decoded.messageTimestamp),
        pushName: decoded.pushName,
        broadcast: false,
        message: decoded.message
    }
}
