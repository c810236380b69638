// The original files: every size around a block, a 64 KiB chunk and 1 MiB, up to 20 MiB.
import { createHash } from 'node:crypto'

export const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')

/** `length` bytes that only `label` decides. */
export function bytesOf(label, length) {
    const out = Buffer.alloc(Math.ceil(length / 32) * 32)
    let block = createHash('sha256').update(label).digest()
    for (let at = 0; at < out.length; at += 32) {
        block.copy(out, at)
        block = createHash('sha256').update(block).digest()
    }
    return out.subarray(0, length)
}

const MIB = 1024 * 1024

/** kind, length and the content that Baileys is asked to send. */
export const files = [
    { kind: 'document', length: 0, content: { mimetype: 'application/octet-stream', fileName: 'empty.bin' } },
    { kind: 'image', length: 1, content: { caption: 'one byte' } },
    { kind: 'image', length: 15, content: {} },
    { kind: 'image', length: 16, content: {} },
    { kind: 'audio', length: 17, content: { mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 1, waveform: Buffer.alloc(64) } },
    { kind: 'sticker', length: 4096, content: { isAnimated: true } },
    { kind: 'video', length: 65519, content: { seconds: 3, gifPlayback: true } },
    { kind: 'video', length: 65536, content: { seconds: 3 } },
    { kind: 'document', length: 65537, content: { mimetype: 'text/plain; charset=utf-8', fileName: '../../etc/pass"wd ü.txt', caption: 'read this' } },
    { kind: 'audio', length: 131072, content: { mimetype: 'audio/mpeg', seconds: 9 } },
    { kind: 'image', length: MIB - 1, content: {} },
    { kind: 'document', length: MIB, content: { mimetype: 'application/pdf', fileName: 'a.pdf' } },
    { kind: 'video', length: MIB + 1, content: { seconds: 8 } },
    { kind: 'document', length: 5 * MIB + 3, content: { mimetype: 'application/zip', fileName: 'five.zip' } },
    { kind: 'video', length: 20 * MIB, content: { seconds: 60, ptv: true } }
]
