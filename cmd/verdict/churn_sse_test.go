package main

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// listen opens a stream of server-sent events, of a transaction or of all, and hears it to its end.
func (c *client) listen(transaction string) {
	h, conn, freeze := c.dial()
	if conn == nil {
		return
	}
	stop := c.leaveLater(h, conn, freeze)
	defer stop()
	answer, err := c.ask(conn, transaction)
	if err != nil {
		c.leave(h, conn, "no answer")
		return
	}
	defer c.leave(h, conn, "eof")
	switch answer.StatusCode {
	case http.StatusOK:
		c.book.opened(h)
		c.hear(h, bufio.NewScanner(answer.Body))
	case http.StatusNoContent:
		c.book.complain("client %d was told not to return to %s, whose verdict it doesn't know", c.n, transaction)
	default:
		c.book.complain("a stream was answered %s", answer.Status)
	}
	if transaction != "" && rand.N(8) == 0 {
		c.strange()
	}
}

// leave ends a connection unless the client has dropped it already, and may have left it open.
func (c *client) leave(h *hearing, conn *net.TCPConn, end string) {
	if c.book.close(h, end) {
		conn.Close()
	}
}

// ask sends the request for a stream. A client that goes by position tells it in either way.
func (c *client) ask(conn net.Conn, transaction string) (*http.Response, error) {
	path := "/v1/events"
	if transaction != "" {
		path = "/v1/transactions/" + transaction + "/events"
	}
	r, err := http.NewRequest(http.MethodGet, "http://gateway"+path, nil)
	if err != nil {
		return nil, err
	}
	c.user.introduce(r.Header)
	switch {
	case c.way == byConfirming:
		r.URL.RawQuery = "unconfirmed=true"
	case c.way == byPosition && rand.N(2) == 0:
		r.URL.RawQuery = "after=" + strconv.FormatInt(c.last, 10)
	case c.way == byPosition:
		r.Header.Set("Last-Event-ID", strconv.FormatInt(c.last, 10))
	}
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(conn), r)
}

// hear reads a stream to its end.
func (c *client) hear(h *hearing, lines *bufio.Scanner) {
	var event, id, data string
	retries := 0
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "event":
			event = value
		case "id":
			id = value
		case "data":
			data = value
		case "retry":
			retries++
			c.retry = time.Duration(number(value)) * time.Millisecond
		case "":
			c.dispatch(h, event, id, data)
			event, data = "", ""
		}
	}
	if lines.Err() == nil && (retries > 1 || retries == 1 && h.begin < 0 && len(h.events) == 0) {
		c.book.close(h, "retry") // which came again before the end, or alone
	}
}

// dispatch takes what stood before an empty line.
func (c *client) dispatch(h *hearing, event, id, data string) {
	switch event {
	case "position":
		c.book.begins(h, number(id))
	case "transaction":
		e, err := newPushed(time.Now(), number(id), data)
		if err != nil {
			c.book.complain("%v", err)
			return
		}
		c.known(h, e)
		if c.heed(e) {
			c.confirm(e)
		}
	}
}

// strange asks for another's transaction in all ways that HTTP has.
func (c *client) strange() {
	id := c.book.stranger(c.user.n, rand.N(1000))
	if id == "" {
		return
	}
	at := "http://" + c.gates[rand.N(len(c.gates))].address + "/v1/transactions/" + id
	for how, path := range map[string]string{"GET": "", "sse": "/events", "timeline": "/timeline", "ack": "/ack"} {
		method := http.MethodGet
		if how == "ack" {
			method = http.MethodPost
		}
		r, err := http.NewRequestWithContext(c.present, method, at+path, nil)
		if err != nil {
			c.book.complain("%v", err)
			return
		}
		answer, err := c.user.http.Do(r)
		if err != nil {
			continue // the instance is away
		}
		sentAway := answer.StatusCode >= 500 || how == "sse" && answer.StatusCode == http.StatusOK && !tellsEvents(answer.Body)
		answer.Body.Close()
		if !sentAway {
			c.book.refuse(how, strconv.Itoa(answer.StatusCode))
		}
	}
}

// tellsEvents reports whether a stream is more than the time to come back.
func tellsEvents(stream io.Reader) bool {
	for lines := bufio.NewScanner(stream); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "event:") {
			return true
		}
	}
	return false
}
