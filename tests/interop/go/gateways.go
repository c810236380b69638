package main

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/url"
	"strings"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// A gateway on whatsmeow wraps the event's JSON; the body and its content type are what it posts.
type gateway func(event *events.Message) (body []byte, contentType string, err error)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// gateways by the name of their rendering.
var gateways = map[string]gateway{
	"waha-gows":        wahaGows,
	"wuzapi-json":      wuzapiJSON,
	"wuzapi-form":      wuzapiForm(url.Values{"userID": {"5f2a6c"}, "instanceName": {"acme & co"}}),
	"wuzapi-form-old":  wuzapiForm(url.Values{"token": {"a+secret/token="}}),
	"wuzapi-multipart": wuzapiMultipart,
}

// wahaID is WAHA's id of a message.
func wahaID(info types.MessageInfo) string {
	cus := func(jid types.JID) string {
		return strings.Replace(jid.ToNonAD().String(), types.DefaultUserServer, types.LegacyUserServer, 1)
	}
	id := "false_" + cus(info.Chat) + "_" + info.ID
	if info.IsGroup {
		id += "_" + cus(info.Sender)
	}
	return id
}

// wahaGows is WAHA with its engine GOWS: the event comes over gRPC as JSON, and a status is added.
func wahaGows(event *events.Message) ([]byte, string, error) {
	payload, err := wahaMessage(event)
	if err != nil {
		return nil, "", err
	}
	return marshal(wahaEvent("message", payload))
}

func wahaMessage(event *events.Message) (map[string]any, error) {
	data, err := asMap(event)
	if err != nil {
		return nil, err
	}
	data["Status"] = 2
	id := wahaID(event.Info)
	return map[string]any{
		"id": id, "timestamp": event.Info.Timestamp.Unix(), "from": strings.Split(id, "_")[1], "fromMe": false,
		"source": "app", "body": "", "to": nil, "participant": nil, "hasMedia": true, "media": nil, "ack": 2,
		"ackName": "DEVICE", "replyTo": nil, "_data": data,
	}, nil
}

func wahaEvent(name string, payload map[string]any) map[string]any {
	return map[string]any{
		"id": "evt_01jkx5cq9e8p4d7m2t6v0w3y1z", "timestamp": 1736935201000, "event": name, "session": "default",
		"metadata": map[string]any{}, "me": map[string]any{"id": "5511000000000@c.us", "pushName": "Acme"},
		"payload": payload, "engine": "GOWS",
		"environment": map[string]any{"version": "2025.11.2", "engine": "GOWS", "tier": "CORE", "browser": nil},
	}
}

// wuzapiEvent is the JSON text that every one of wuzapi's bodies starts from.
func wuzapiEvent(event any, kind string) ([]byte, error) {
	return json.Marshal(map[string]any{"event": event, "type": kind})
}

// wuzapiJSON reads that text again and adds two members: all keys are sorted, numbers were floats.
func wuzapiJSON(event *events.Message) ([]byte, string, error) {
	text, err := wuzapiEvent(event, "Message")
	if err != nil {
		return nil, "", err
	}
	var again map[string]any
	if err := json.Unmarshal(text, &again); err != nil {
		return nil, "", err
	}
	again["userID"] = "5f2a6c"
	again["instanceName"] = "acme & co"
	return marshal(again)
}

func wuzapiForm(beside url.Values) gateway {
	return func(event *events.Message) ([]byte, string, error) {
		text, err := wuzapiEvent(event, "Message")
		if err != nil {
			return nil, "", err
		}
		form := url.Values{"jsonData": {string(text)}}
		for name, values := range beside {
			form[name] = values
		}
		return []byte(form.Encode()), formType, nil
	}
}

// wuzapiMultipart has a file beside the event, and its path under the same name.
func wuzapiMultipart(event *events.Message) ([]byte, string, error) {
	text, err := wuzapiEvent(event, "Message")
	if err != nil {
		return nil, "", err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.SetBoundary("5f6d1f1e0a7c4b8f9e2d3c4b5a69788796a5b4c3d2e1f00112233445566"); err != nil {
		return nil, "", err
	}
	for _, field := range [][2]string{
		{"file", "/app/files/user_5f2a6c/picture.jpg"}, {"instanceName", "acme & co"},
		{"jsonData", string(text)}, {"userID", "5f2a6c"},
	} {
		if err := form.WriteField(field[0], field[1]); err != nil {
			return nil, "", err
		}
	}
	file, err := form.CreateFormFile("file", "picture.jpg")
	if err != nil {
		return nil, "", err
	}
	if _, err := file.Write([]byte("\xff\xd8\r\n--not a boundary\r\n\xff\xd9")); err != nil {
		return nil, "", err
	}
	if err := form.Close(); err != nil {
		return nil, "", err
	}
	return body.Bytes(), form.FormDataContentType(), nil
}

func asMap(value any) (map[string]any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var made map[string]any
	err = json.Unmarshal(text, &made)
	return made, err
}

func marshal(value any) ([]byte, string, error) {
	body, err := json.Marshal(value)
	return body, jsonType, err
}
