package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// sealedFile is one line of FILES.json: a file that Titan encrypted.
type sealedFile struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	DirectPath string `json:"directPath"`
	MediaKey   []byte `json:"mediaKey"`
	SHA256     []byte `json:"sha256"`
	EncSHA256  []byte `json:"encSha256"`
	Length     uint64 `json:"length"`
}

// redirected sends what is meant for WhatsApp's hosts to origin.
type redirected struct{ origin *url.URL }

func (r redirected) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.URL.Scheme, request.URL.Host = r.origin.Scheme, r.origin.Host
	return http.DefaultTransport.RoundTrip(request)
}

func decrypt(origin, list, out string) error {
	target, err := url.Parse(origin)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	var files []sealedFile
	if err := json.Unmarshal(text, &files); err != nil {
		return err
	}
	client := newClient()
	client.SetMediaHTTPClient(&http.Client{Transport: redirected{target}})
	for _, file := range files {
		message, err := file.message()
		if err != nil {
			return err
		}
		plain, err := client.Download(context.Background(), message)
		if err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
		if err := os.WriteFile(filepath.Join(out, file.Name), plain, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (f sealedFile) message() (whatsmeow.DownloadableMessage, error) {
	path, length := proto.String(f.DirectPath), proto.Uint64(f.Length)
	switch f.Type {
	case "image":
		return &waE2E.ImageMessage{DirectPath: path, MediaKey: f.MediaKey, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256, FileLength: length}, nil
	case "video":
		return &waE2E.VideoMessage{DirectPath: path, MediaKey: f.MediaKey, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256, FileLength: length}, nil
	case "audio":
		return &waE2E.AudioMessage{DirectPath: path, MediaKey: f.MediaKey, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256, FileLength: length}, nil
	case "document":
		return &waE2E.DocumentMessage{DirectPath: path, MediaKey: f.MediaKey, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256, FileLength: length}, nil
	case "sticker":
		return &waE2E.StickerMessage{DirectPath: path, MediaKey: f.MediaKey, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256, FileLength: length}, nil
	default:
		return nil, fmt.Errorf("%s: unknown type %q", f.Name, f.Type)
	}
}
