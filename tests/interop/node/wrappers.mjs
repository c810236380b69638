// Wrapped messages, built with Baileys' own message definitions.
import { proto } from 'baileys'

/** Wraps a message, if Baileys knows the wrapper: what it does not know it would drop silently. */
const wrap = name => message => {
    const wrapped = proto.Message.fromObject({ [name]: { message } })
    if (!wrapped[name]) {
        throw new Error(`Baileys has no ${name}`)
    }
    return wrapped
}

export const wrappers = {
    bare: message => message,
    ephemeral: wrap('ephemeralMessage'),
    viewOnce: wrap('viewOnceMessage'),
    viewOnceV2: wrap('viewOnceMessageV2'),
    viewOnceV2Extension: wrap('viewOnceMessageV2Extension'),
    documentWithCaption: wrap('documentWithCaptionMessage'),
    associatedChild: wrap('associatedChildMessage'),
    groupMentioned: wrap('groupMentionedMessage'),
    groupStatusV2: wrap('groupStatusMessageV2'),
    groupStatus: wrap('groupStatusMessage'),
    groupStatusMention: wrap('groupStatusMentionMessage'),
    pollOptionImage: wrap('pollCreationOptionImageMessage'),
    limitSharing: wrap('limitSharingMessage'),
    botTask: wrap('botTaskMessage'),
    botForwarded: wrap('botForwardedMessage'),
    question: wrap('questionMessage'),
    questionReply: wrap('questionReplyMessage'),
    lottie: wrap('lottieStickerMessage'),
    deviceSent: message => proto.Message.fromObject({ deviceSentMessage: { destinationJid: '5511999999999@s.whatsapp.net', message } }),
    ephemeralViewOnce: message => wrap('ephemeralMessage')(wrap('viewOnceMessageV2')(message)),
    // Ephemeral inside documentWithCaption inside deviceSent: an order in which one pass would stop.
    threeDeep: message => wrappers.deviceSent(wrap('documentWithCaptionMessage')(wrap('ephemeralMessage')(message)))
}

/** An edit of `id` that carries the file again. */
export const edit = (message, id, chat) =>
    proto.Message.fromObject({
        protocolMessage: {
            key: { remoteJid: chat, fromMe: false, id },
            type: proto.Message.ProtocolMessage.Type.MESSAGE_EDIT,
            editedMessage: message,
            timestampMs: 1736935300000
        }
    })
