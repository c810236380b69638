// Command interop lets whatsmeow's own code encrypt files for Titan, and decrypt Titan's.
//
//	interop encrypt FOLDER               writes blobs and a gateway's requests
//	interop decrypt ORIGIN FILES.json OUT  downloads through ORIGIN and writes each plaintext
//	interop fixtures FOLDER              writes the same few bodies every time
package main

import (
	"fmt"
	"os"
	"reflect"
	"time"
	"unsafe"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "encrypt":
		err = encrypt(os.Args[2])
	case len(os.Args) == 5 && os.Args[1] == "decrypt":
		err = decrypt(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 3 && os.Args[1] == "fixtures":
		err = fixtures(os.Args[2])
	default:
		err = fmt.Errorf("usage: interop encrypt FOLDER | decrypt ORIGIN FILES.json OUT | fixtures FOLDER")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// newClient returns a whatsmeow client that was never connected but believes that it has asked
// WhatsApp for its media hosts: a field that only its own package can set.
func newClient() *whatsmeow.Client {
	client := whatsmeow.NewClient(&store.Device{}, nil)
	hosts := &whatsmeow.MediaConn{
		Auth:      "auth",
		AuthTTL:   3600,
		TTL:       3600,
		FetchedAt: time.Now(),
		Hosts:     []whatsmeow.MediaConnHost{{Hostname: "mmg.whatsapp.net"}},
	}
	field := reflect.ValueOf(client).Elem().FieldByName("mediaConnCache")
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.ValueOf(hosts))
	return client
}
