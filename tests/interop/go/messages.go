package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

var (
	direct     = types.NewJID("5511999999999", types.DefaultUserServer)
	group      = types.NewJID("120363025246125486", types.GroupServer)
	newsletter = types.NewJID("120363111111111111", types.NewsletterServer)
)

// kinds: every kind and size, up to 20 MiB.
func (g *generator) kinds() error {
	const mib = 1 << 20
	for _, file := range []struct {
		kind   string
		length int
	}{
		{"document", 0}, {"image", 1}, {"image", 15}, {"image", 16}, {"audio", 17}, {"sticker", 4096},
		{"video", 65519}, {"video", 65536}, {"document", 65537}, {"audio", 131072}, {"image", mib - 1},
		{"document", mib}, {"video", mib + 1}, {"document", 5*mib + 3}, {"video", 20 * mib},
	} {
		plain := bytesOf(fmt.Sprintf("go-%s-%d", file.kind, file.length), file.length)
		message, err := g.message(file.kind, plain)
		if err != nil {
			return err
		}
		only := []string{}
		if file.length > 65536 {
			only = []string{"event", "webmessageinfo", "waha-gows", "wuzapi-json", "wuzapi-multipart"}
		}
		facts := []fact{factOf(file.kind, plain)}
		if err := g.post(fmt.Sprintf("%s-%d", file.kind, file.length), direct, message, facts, only...); err != nil {
			return err
		}
	}
	return nil
}

func future(message *waE2E.Message) *waE2E.FutureProofMessage {
	return &waE2E.FutureProofMessage{Message: message}
}

// wrappers: each that whatsmeow unwraps, and orders in which its one pass stops early.
func (g *generator) wrappers() error {
	wrap := map[string]func(*waE2E.Message) *waE2E.Message{
		"ephemeral":     func(m *waE2E.Message) *waE2E.Message { return &waE2E.Message{EphemeralMessage: future(m)} },
		"view-once":     func(m *waE2E.Message) *waE2E.Message { return &waE2E.Message{ViewOnceMessage: future(m)} },
		"view-once-v2":  func(m *waE2E.Message) *waE2E.Message { return &waE2E.Message{ViewOnceMessageV2: future(m)} },
		"view-once-ext": func(m *waE2E.Message) *waE2E.Message { return &waE2E.Message{ViewOnceMessageV2Extension: future(m)} },
		"with-caption":  func(m *waE2E.Message) *waE2E.Message { return &waE2E.Message{DocumentWithCaptionMessage: future(m)} },
		"bot-invoke":    func(m *waE2E.Message) *waE2E.Message { return &waE2E.Message{BotInvokeMessage: future(m)} },
		"lottie":        func(m *waE2E.Message) *waE2E.Message { return &waE2E.Message{LottieStickerMessage: future(m)} },
		"edited":        func(m *waE2E.Message) *waE2E.Message { return &waE2E.Message{EditedMessage: future(m)} },
		"device-sent": func(m *waE2E.Message) *waE2E.Message {
			return &waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: proto.String(direct.String()), Message: m}}
		},
		"caption-in-view-once-in-ephemeral": func(m *waE2E.Message) *waE2E.Message {
			inner := &waE2E.Message{DocumentWithCaptionMessage: future(m)}
			return &waE2E.Message{EphemeralMessage: future(&waE2E.Message{ViewOnceMessageV2: future(inner)})}
		},
		"ephemeral-in-caption": func(m *waE2E.Message) *waE2E.Message {
			return &waE2E.Message{DocumentWithCaptionMessage: future(&waE2E.Message{EphemeralMessage: future(m)})}
		},
	}
	for _, name := range slices.Sorted(maps.Keys(wrap)) {
		wrapped := wrap[name]
		plain := bytesOf("go-wrapper-"+name, 2222)
		message, err := g.message("document", plain)
		if err != nil {
			return err
		}
		facts := []fact{factOf("document", plain)}
		for _, chat := range []types.JID{direct, group} {
			if err := g.post("wrapper-"+name+"-"+chat.Server, chat, wrapped(message), facts); err != nil {
				return err
			}
		}
	}
	return nil
}

// structures: media one level deeper, where Go's rendering writes oneofs in a casing of their own.
func (g *generator) structures() error {
	plain := bytesOf("go-structures", 3333)
	up, err := g.upload(plain, whatsmeow.MediaImage)
	if err != nil {
		return err
	}
	image := imageOf(up)
	card := func(image *waE2E.ImageMessage) *waE2E.InteractiveMessage {
		return &waE2E.InteractiveMessage{
			Header: &waE2E.InteractiveMessage_Header{
				HasMediaAttachment: proto.Bool(true),
				Media:              &waE2E.InteractiveMessage_Header_ImageMessage{ImageMessage: image},
			},
			Body: &waE2E.InteractiveMessage_Body{Text: proto.String("body")},
		}
	}
	second := bytesOf("go-structures-2", 4444)
	other, err := g.upload(second, whatsmeow.MediaImage)
	if err != nil {
		return err
	}
	one := []fact{factOf("image", plain)}
	structures := map[string]struct {
		message *waE2E.Message
		facts   []fact
	}{
		"buttons": {&waE2E.Message{ButtonsMessage: &waE2E.ButtonsMessage{
			ContentText: proto.String("choose"),
			Header:      &waE2E.ButtonsMessage_ImageMessage{ImageMessage: image},
		}}, one},
		"template": {&waE2E.Message{TemplateMessage: &waE2E.TemplateMessage{
			Format: &waE2E.TemplateMessage_HydratedFourRowTemplate_{HydratedFourRowTemplate: &waE2E.TemplateMessage_HydratedFourRowTemplate{
				HydratedContentText: proto.String("text"),
				Title:               &waE2E.TemplateMessage_HydratedFourRowTemplate_ImageMessage{ImageMessage: image},
			}},
		}}, one},
		"interactive": {&waE2E.Message{InteractiveMessage: card(image)}, one},
		"carousel": {&waE2E.Message{InteractiveMessage: &waE2E.InteractiveMessage{
			Body: &waE2E.InteractiveMessage_Body{Text: proto.String("cards")},
			InteractiveMessage: &waE2E.InteractiveMessage_CarouselMessage_{CarouselMessage: &waE2E.InteractiveMessage_CarouselMessage{
				Cards: []*waE2E.InteractiveMessage{card(image), card(imageOf(other))},
			}},
		}}, []fact{factOf("image", plain), factOf("image", second)}},
		"product": {&waE2E.Message{ProductMessage: &waE2E.ProductMessage{
			Product: &waE2E.ProductMessage_ProductSnapshot{ProductImage: image, ProductID: proto.String("1"), Title: proto.String("thing")},
		}}, one},
	}
	for _, name := range slices.Sorted(maps.Keys(structures)) {
		structure := structures[name]
		if err := g.post("structure-"+name, direct, structure.message, structure.facts); err != nil {
			return err
		}
	}
	return nil
}

// others: round video notes, sticker packs, channel media, link thumbnails, and a quoted file that
// must not be fetched.
func (g *generator) others() error {
	note := bytesOf("go-ptv", 7777)
	up, err := g.upload(note, whatsmeow.MediaVideo)
	if err != nil {
		return err
	}
	if err := g.post("ptv", direct, &waE2E.Message{PtvMessage: videoOf(up)}, []fact{factOf("video", note)}); err != nil {
		return err
	}
	pack := bytesOf("go-sticker-pack", 8888)
	if up, err = g.upload(pack, whatsmeow.MediaStickerPack); err != nil {
		return err
	}
	stickers := &waE2E.StickerPackMessage{
		StickerPackID: proto.String("pack"), Name: proto.String("Pack"), DirectPath: &up.DirectPath, MediaKey: up.MediaKey,
		FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength,
	}
	if err := g.post("sticker-pack", direct, &waE2E.Message{StickerPackMessage: stickers}, []fact{factOf("sticker", pack)}); err != nil {
		return err
	}
	channel := bytesOf("go-newsletter", 5555)
	if up, err = g.client.UploadNewsletter(context.Background(), channel, whatsmeow.MediaImage); err != nil {
		return err
	}
	public := &waE2E.ImageMessage{URL: &up.URL, DirectPath: &up.DirectPath, FileSHA256: up.FileSHA256, FileLength: &up.FileLength, Mimetype: proto.String("image/png")}
	if err := g.post("newsletter", newsletter, &waE2E.Message{ImageMessage: public}, []fact{factOf("image", channel)}); err != nil {
		return err
	}
	if up, err = g.upload(bytesOf("go-link", 999), whatsmeow.MediaLinkThumbnail); err != nil {
		return err
	}
	link := &waE2E.ExtendedTextMessage{
		Text: proto.String("https://example.com"), ThumbnailDirectPath: &up.DirectPath, MediaKey: up.MediaKey,
		ThumbnailSHA256: up.FileSHA256, ThumbnailEncSHA256: up.FileEncSHA256,
	}
	if err := g.post("link-thumbnail", direct, &waE2E.Message{ExtendedTextMessage: link}, []fact{}); err != nil {
		return err
	}
	quoted, err := g.message("image", bytesOf("go-quoted", 1234))
	if err != nil {
		return err
	}
	reply := &waE2E.ExtendedTextMessage{Text: proto.String("nice"), ContextInfo: &waE2E.ContextInfo{StanzaID: proto.String("3EB0QUOTED"), QuotedMessage: quoted}}
	return g.post("quoted", direct, &waE2E.Message{ExtendedTextMessage: reply}, []fact{})
}
