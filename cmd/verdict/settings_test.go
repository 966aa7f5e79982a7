package main

import "testing"

func TestURLsAreShownWithoutTheirSecrets(t *testing.T) {
	for url, want := range map[string]string{
		"nats://user:hunter2@127.0.0.1:4222":               "nats://***@127.0.0.1:4222",
		"nats://a:pw1@h1,nats://b:pw2@h2,tls://h3":         "nats://***@h1,nats://***@h2,tls://h3",
		"nats://h1:4222, nats://b:p,w@h2:4222":             "nats://h1:4222,nats://***@h2:4222",
		"postgres://u:p%41ss!w@db/verdict?sslmode=require": "postgres://***@db/verdict?sslmode=require",
		"postgres://u:p@ss@db/verdict":                     "postgres://***@db/verdict",
		"postgres://db/verdict?user=u&password=s3cret&x=1": "postgres://db/verdict?user=***&password=***&x=1",
		"postgres://db/verdict?sslpassword=s3cret":         "postgres://db/verdict?sslpassword=***",
		"sqlite:data/verdict.db":                           "sqlite:data/verdict.db",
		"https://id.shop.example/keys?at=a@b":              "https://id.shop.example/keys?at=a@b",
	} {
		if got := maskedURL(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}
