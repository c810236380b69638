package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// blob is what the CDN must serve.
type blob struct {
	DirectPath string `json:"directPath"`
	File       string `json:"file"`
	Type       string `json:"type"`
}

// fact is what Titan must find in one message.
type fact struct {
	Kind   string `json:"kind"`
	Length int    `json:"length"`
	SHA256 string `json:"sha256"`
	SameAs string `json:"sameAs,omitempty"`
}

// request is one call that a gateway makes.
type request struct {
	Name        string            `json:"name"`
	Query       map[string]string `json:"query"`
	ContentType string            `json:"contentType"`
	Body        string            `json:"body"`
	MessageID   string            `json:"messageId"`
	Expected    []fact            `json:"expected"`
}

// generator keeps all that it made below folder. It is the HTTP transport of whatsmeow's uploads.
type generator struct {
	folder   string
	client   *whatsmeow.Client
	blobs    []blob
	requests []request
}

// RoundTrip takes an upload as WhatsApp's servers would.
func (g *generator) RoundTrip(upload *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(upload.Body)
	if err != nil {
		return nil, err
	}
	if int64(len(body)) != upload.ContentLength {
		return nil, fmt.Errorf("upload of %d bytes, %d announced", len(body), upload.ContentLength)
	}
	serial := len(g.blobs) + 1
	kept := blob{
		DirectPath: fmt.Sprintf("/v/t62.7118-24/go%d_n.enc?ccb=11-4&oh=01_Q5Go%d&oe=7FFFFF00&_nc_sid=5e03e0", serial, serial),
		File:       fmt.Sprintf("blobs/%d", serial),
		Type:       strings.Split(upload.URL.Path, "/")[2],
	}
	if err := os.WriteFile(filepath.Join(g.folder, kept.File), body, 0o600); err != nil {
		return nil, err
	}
	g.blobs = append(g.blobs, kept)
	answer, err := json.Marshal(map[string]string{
		"url":         "https://mmg.whatsapp.net" + kept.DirectPath,
		"direct_path": kept.DirectPath,
		"handle":      "handle",
	})
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(answer)), Request: upload}, nil
}

func encrypt(folder string) error {
	for _, name := range []string{"blobs", "bodies"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
			return err
		}
	}
	g := &generator{folder: folder, client: newClient()}
	g.client.SetMediaHTTPClient(&http.Client{Transport: g})
	for _, step := range []func() error{g.kinds, g.wrappers, g.structures, g.others} {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Printf("%d requests, %d blobs\n", len(g.requests), len(g.blobs))
	return g.save()
}

func (g *generator) save() error {
	for name, value := range map[string]any{"cdn.json": g.blobs, "requests.json": g.requests} {
		text, err := json.MarshalIndent(value, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(g.folder, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// bytesOf returns length bytes that only label decides.
func bytesOf(label string, length int) []byte {
	out := make([]byte, 0, length+sha256.Size)
	block := sha256.Sum256([]byte(label))
	for len(out) < length {
		out = append(out, block[:]...)
		block = sha256.Sum256(block[:])
	}
	return out[:length]
}

func factOf(kind string, plain []byte) fact {
	sum := sha256.Sum256(plain)
	return fact{Kind: kind, Length: len(plain), SHA256: hex.EncodeToString(sum[:])}
}

// upload encrypts plain with whatsmeow: in memory, or in a stream where large.
func (g *generator) upload(plain []byte, media whatsmeow.MediaType) (whatsmeow.UploadResponse, error) {
	if len(plain) > 1<<20 {
		return g.client.UploadReader(context.Background(), bytes.NewReader(plain), nil, media)
	}
	return g.client.Upload(context.Background(), plain, media)
}

// message builds the message that sends plain.
func (g *generator) message(kind string, plain []byte) (*waE2E.Message, error) {
	types := map[string]whatsmeow.MediaType{
		"image": whatsmeow.MediaImage, "sticker": whatsmeow.MediaImage, "video": whatsmeow.MediaVideo,
		"audio": whatsmeow.MediaAudio, "document": whatsmeow.MediaDocument,
	}
	up, err := g.upload(plain, types[kind])
	if err != nil {
		return nil, err
	}
	switch kind {
	case "image":
		return &waE2E.Message{ImageMessage: imageOf(up)}, nil
	case "video":
		return &waE2E.Message{VideoMessage: videoOf(up)}, nil
	case "audio":
		return &waE2E.Message{AudioMessage: &waE2E.AudioMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256,
			FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength,
			Mimetype: proto.String("audio/ogg; codecs=opus"), PTT: proto.Bool(true), Seconds: proto.Uint32(4),
		}}, nil
	case "sticker":
		return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
			URL: proto.String("https://web.whatsapp.net/"), DirectPath: &up.DirectPath, MediaKey: up.MediaKey,
			FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength,
			Mimetype: proto.String("image/webp"),
		}}, nil
	default:
		return &waE2E.Message{DocumentMessage: documentOf(up)}, nil
	}
}

func imageOf(up whatsmeow.UploadResponse) *waE2E.ImageMessage {
	return &waE2E.ImageMessage{
		URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256,
		FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength,
		Mimetype: proto.String("image/jpeg"), Caption: proto.String("from Go & back"), JPEGThumbnail: []byte{0xff, 0xd8, 0xff},
	}
}

func videoOf(up whatsmeow.UploadResponse) *waE2E.VideoMessage {
	return &waE2E.VideoMessage{
		URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256,
		FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength,
		Mimetype: proto.String("video/mp4"), Seconds: proto.Uint32(7),
	}
}

func documentOf(up whatsmeow.UploadResponse) *waE2E.DocumentMessage {
	return &waE2E.DocumentMessage{
		URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256,
		FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength,
		Mimetype: proto.String("application/pdf"), FileName: proto.String("go.pdf"),
	}
}
