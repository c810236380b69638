// PORT=3000 WEBHOOK_SECRET=whsec_… go run .
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type event struct {
	ID      string `json:"id"`
	Event   string `json:"event"`
	Payload struct {
		ID       string `json:"id"`
		MediaURL string `json:"mediaUrl"`
	} `json:"payload"`
}

func main() {
	webhook, err := standardwebhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	var lock sync.Mutex
	seen := map[string]bool{} // yours: a table with a unique id
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		// The bytes as they came; an error unless they are signed, and lately.
		if webhook.Verify(body, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var event event
		if json.Unmarshal(body, &event) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		lock.Lock()
		defer lock.Unlock()
		if !seen[event.ID] {
			handle(event)
			seen[event.ID] = true
		}
		w.WriteHeader(http.StatusNoContent)
	}
	address := cmp.Or(os.Getenv("HOST"), "127.0.0.1") + ":" + os.Getenv("PORT")
	log.Fatal(http.ListenAndServe(address, http.HandlerFunc(receive)))
}

func handle(event event) {
	fmt.Println(event.Event, event.Payload.ID, event.Payload.MediaURL)
}
