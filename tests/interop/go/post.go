package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var sentAt = time.Date(2025, 1, 15, 10, 0, 0, 0, time.UTC)

// renderings in which a gateway on whatsmeow hands a message on.
var renderings = []string{
	"event", "protojson", "webmessageinfo", "message",
	"waha-gows", "wuzapi-json", "wuzapi-form", "wuzapi-form-old", "wuzapi-multipart",
}

// post adds one request per rendering (all where none is named).
func (g *generator) post(name string, chat types.JID, message *waE2E.Message, expected []fact, only ...string) error {
	for _, rendering := range renderings {
		if len(only) == 0 || slices.Contains(only, rendering) {
			if err := g.render(name, rendering, chat, message, expected); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *generator) render(name, rendering string, chat types.JID, message *waE2E.Message, expected []fact) error {
	serial := len(g.requests)
	id := fmt.Sprintf("3EB0GO%06d", serial)
	sender := types.NewJID("5511777777777", types.DefaultUserServer)
	if chat.Server == types.DefaultUserServer {
		sender = chat
	}
	made := request{Name: name + "/" + rendering, MessageID: id, Expected: expected, ContentType: "application/json"}
	var body []byte
	var err error
	switch rendering {
	case "event":
		made.Query = map[string]string{"format": "whatsmeow"}
		body, err = json.Marshal(eventOf(id, chat, sender, message))
	case "protojson":
		made.Query = map[string]string{"format": "baileys"}
		body, err = protojson.Marshal(webMessage(id, chat, sender, message))
	case "webmessageinfo":
		made.Query = map[string]string{"format": "protobuf-webmessageinfo"}
		made.ContentType = "application/x-protobuf"
		body, err = proto.Marshal(webMessage(id, chat, sender, message))
	case "message":
		made.Query = map[string]string{"format": "protobuf-message", "messageId": id, "chat": chat.String(), "timestamp": fmt.Sprint(sentAt.Unix())}
		if chat.Server == types.GroupServer {
			made.Query["participant"] = sender.String()
		}
		made.ContentType = "application/x-protobuf"
		body, err = proto.Marshal(message)
	default:
		made.Query = map[string]string{"format": strings.Split(rendering, "-")[0]}
		body, made.ContentType, err = gateways[rendering](eventOf(id, chat, sender, message))
	}
	if err != nil {
		return err
	}
	made.Body = fmt.Sprintf("bodies/%d", serial)
	g.requests = append(g.requests, made)
	return os.WriteFile(filepath.Join(g.folder, made.Body), body, 0o600)
}

// eventOf is the event that whatsmeow gives to its handlers, unwrapped by its own code.
func eventOf(id string, chat, sender types.JID, message *waE2E.Message) *events.Message {
	device := sender
	if sender.Server == types.DefaultUserServer {
		device.Device = 12
	}
	event := &events.Message{
		Info: types.MessageInfo{
			MessageSource: types.MessageSource{Chat: chat, Sender: device, IsGroup: chat.Server == types.GroupServer},
			ID:            id,
			Type:          "media",
			PushName:      "Go",
			Timestamp:     sentAt,
		},
		RawMessage: message,
	}
	return event.UnwrapRaw()
}

func webMessage(id string, chat, sender types.JID, message *waE2E.Message) *waWeb.WebMessageInfo {
	key := &waCommon.MessageKey{RemoteJID: proto.String(chat.String()), FromMe: proto.Bool(false), ID: proto.String(id)}
	if chat.Server == types.GroupServer {
		key.Participant = proto.String(sender.String())
	}
	return &waWeb.WebMessageInfo{
		Key:              key,
		Message:          message,
		MessageTimestamp: proto.Uint64(uint64(sentAt.Unix())),
		PushName:         proto.String("Go"),
	}
}
