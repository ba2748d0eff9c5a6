// gorilla URL SIZE INFLIGHT WARM SECONDS [CA]: Go's gorilla/websocket.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

type chat struct {
	Action     int    `json:"action"`
	ID         string `json:"id"`
	Type       int    `json:"type"`
	SenderID   string `json:"senderId"`
	ReceiverID string `json:"receiverId"`
	Time       int64  `json:"time"`
	Content    string `json:"content"`
}

var message = chat{
	2, "7c9e6679-7425-40de-944b-e07fc1f90ae7", 0, "100042", "200077",
	1700000000123,
	"Good morning doctor. May I ask about the dose of last week?",
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func connect(url string, ca []string) *websocket.Conn {
	dialer := websocket.Dialer{ReadBufferSize: 1 << 16, WriteBufferSize: 1 << 16,
		EnableCompression: os.Getenv("BENCH_COMPRESS") != ""}
	if len(ca) > 0 {
		pem, err := os.ReadFile(ca[0])
		must(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		dialer.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	ws, _, err := dialer.Dial(url, http.Header{})
	must(err)
	return ws
}

func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	must(err)
	return value
}

func usage() (user, system float64) {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()) / 1e9, float64(u.Stime.Nano()) / 1e9
}

func goOnFor(seconds float64, stride int, step func()) int {
	due := time.Now().Add(time.Duration(seconds * 1e9))
	messages := 0
	for time.Now().Before(due) {
		for i := 0; i < stride; i++ {
			step()
		}
		messages += stride
	}
	return messages
}

func main() {
	time.AfterFunc(time.Minute, func() { os.Exit(1) })
	ws := connect(os.Args[1], os.Args[6:])
	inflight := int(number(os.Args[3]))
	isJSON := os.Args[2] == "json"
	var data []byte
	if !isJSON {
		data = []byte(strings.Repeat("x", int(number(os.Args[2]))))
	}
	send := func() {
		if isJSON {
			must(ws.WriteJSON(&message))
		} else {
			must(ws.WriteMessage(websocket.TextMessage, data))
		}
	}
	step := func() {
		_, got, err := ws.ReadMessage()
		must(err)
		if isJSON {
			var in chat
			must(json.Unmarshal(got, &in))
		}
		send()
	}
	stride := inflight
	if stride > 1024 {
		stride = 1024
	}
	for i := 0; i < inflight; i++ {
		send()
	}
	goOnFor(number(os.Args[4]), stride, step)
	user, system := usage()
	begin := time.Now()
	messages := goOnFor(number(os.Args[5]), stride, step)
	userEnd, systemEnd := usage()
	fmt.Printf("{\"messages\": %d, \"seconds\": %f, \"user\": %f, \"system\": %f}\n",
		messages, time.Since(begin).Seconds(), userEnd-user, systemEnd-system)
}
