package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// fixtures writes one body per gateway and kind of message, the same bytes on every run.
func fixtures(folder string) error {
	w := &writer{folder: folder}
	image := &waE2E.Message{ImageMessage: goldenImage()}
	w.everywhere("image", direct, image)
	w.everywhere("view-once", group, &waE2E.Message{
		EphemeralMessage: future(&waE2E.Message{ViewOnceMessageV2: future(image)}),
	})
	body, err := plainProtojson(webMessage("3EB0GOLDEN", direct, direct, image))
	w.file("whatsmeow-image.protojson", jsonType, body, err)
	for name, gateway := range gateways {
		body, contentType, err := gateway(golden("3EB0GOLDEN", direct, image))
		w.file(name+"-image", contentType, body, err)
	}
	target := &waCommon.MessageKey{RemoteJID: proto.String(direct.String()), FromMe: proto.Bool(false), ID: proto.String("3EB0TARGET")}
	w.everywhere("reaction", direct, &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: target, Text: proto.String("👍")}})
	w.everywhere("vote", direct, &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{PollCreationMessageKey: target}})
	edit := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Key: target, Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), TimestampMS: proto.Int64(1736935300000),
		EditedMessage: &waE2E.Message{Conversation: proto.String("fixed <b> & done")},
	}}
	w.everywhere("edit", direct, edit)
	w.waha("message.edited", "edit", edit, map[string]any{"body": "fixed <b> & done", "editedMessageId": "3EB0TARGET"})
	revoke := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Key: target, Type: waE2E.ProtocolMessage_REVOKE.Enum()}}
	w.everywhere("revoke", direct, revoke)
	w.waha("message.revoked", "revoke", revoke, map[string]any{"after": nil, "before": nil, "revokedMessageId": "3EB0TARGET"})
	w.others()
	return w.err
}

// golden is the event of a message under a LID, with the phone number beside it.
func golden(id string, chat types.JID, message *waE2E.Message) *events.Message {
	lid := types.NewJID("249868741992573", types.HiddenUserServer)
	if chat == direct {
		chat = lid
	}
	event := eventOf(id, chat, lid, message)
	event.Info.SenderAlt = types.NewJID("5511999999999", types.DefaultUserServer)
	event.Info.AddressingMode = types.AddressingModeLID
	return event
}

// goldenImage is the published vector of the media crypto: its key is 0, 1, … 31.
func goldenImage() *waE2E.ImageMessage {
	key := make([]byte, 32)
	for at := range key {
		key[at] = byte(at)
	}
	sha, _ := hex.DecodeString("c090368078d73efad27a94d2d7e357408e56f43b5d20ac99ad23860b829b6a92")
	enc, _ := hex.DecodeString("a0f35fa34e6d5bfc21acf306ca610b1b6df743601b02c63d8325fb986faaf7b6")
	path := "/v/t62.7118-24/golden_n.enc?ccb=11-4&oh=01_Q5Golden&oe=7FFFFF00&_nc_sid=5e03e0"
	return &waE2E.ImageMessage{
		URL: proto.String("https://mmg.whatsapp.net" + path), DirectPath: &path, MediaKey: key, FileSHA256: sha,
		FileEncSHA256: enc, FileLength: proto.Uint64(60), MediaKeyTimestamp: proto.Int64(1736935200),
		Mimetype: proto.String("image/jpeg"), Caption: proto.String("golden & true"), JPEGThumbnail: []byte{0xff, 0xd8, 0xff, 0xe0},
	}
}

// writer keeps the errors, so that what is written reads as a list.
type writer struct {
	folder string
	err    error
}

// everywhere writes a message as whatsmeow's event, and in wuzapi's JSON.
func (w *writer) everywhere(what string, chat types.JID, message *waE2E.Message) {
	event := golden("3EB0GOLDEN", chat, message)
	body, err := json.Marshal(event)
	w.file("whatsmeow-"+what, jsonType, body, err)
	if what != "image" {
		body, _, err := wuzapiJSON(event)
		w.file("wuzapi-"+what, jsonType, body, err)
	}
}

// waha writes one of WAHA's events about a message of GOWS.
func (w *writer) waha(event, what string, message *waE2E.Message, more map[string]any) {
	payload, err := wahaMessage(golden("3EB0GOLDEN", direct, message))
	maps.Copy(payload, more)
	body, _, marshalErr := marshal(wahaEvent(event, payload))
	w.file("waha-gows-"+what, jsonType, body, errors.Join(err, marshalErr))
}

// others: a message that could not be opened, one that this device never gets, and a receipt.
func (w *writer) others() {
	info := golden("3EB0GOLDEN", direct, &waE2E.Message{}).Info
	for what, event := range map[string]any{
		"undecryptable": &events.UndecryptableMessage{Info: info, DecryptFailMode: events.DecryptFailHide},
		"unavailable": &events.UndecryptableMessage{
			Info: info, IsUnavailable: true, UnavailableType: events.UnavailableTypeViewOnce,
		},
		"receipt": &events.Receipt{
			MessageSource: info.MessageSource, MessageIDs: []types.MessageID{"3EB0GOLDEN"}, Timestamp: sentAt, Type: types.ReceiptTypeRead,
		},
	} {
		body, err := json.Marshal(event)
		w.file("whatsmeow-"+what, jsonType, body, err)
		kind := "UndecryptableMessage"
		if what == "receipt" {
			kind = "ReadReceipt"
		}
		body, err = wuzapiEvent(event, kind)
		w.file("wuzapi-"+what, jsonType, body, err)
	}
}

// plainProtojson is protojson's output without the spaces that it puts in at random.
func plainProtojson(message proto.Message) ([]byte, error) {
	text, err := protojson.Marshal(message)
	if err != nil {
		return nil, err
	}
	var plain bytes.Buffer
	err = json.Compact(&plain, text)
	return plain.Bytes(), err
}

// file writes what a gateway posts: the name begins with the gateway's.
func (w *writer) file(name, contentType string, body []byte, err error) {
	if w.err = errors.Join(w.err, err); w.err != nil {
		return
	}
	extension := map[string]string{jsonType: ".json", formType: ".form"}[contentType]
	if extension == "" {
		extension = ".multipart"
	}
	gateway, name, _ := strings.Cut(name, "-")
	folder := filepath.Join(w.folder, gateway)
	if w.err = os.MkdirAll(folder, 0o700); w.err == nil {
		w.err = os.WriteFile(filepath.Join(folder, name+extension), body, 0o600)
	}
}
