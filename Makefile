# The few commands people use. What decides whether a change lands is .ci/run.
.DEFAULT_GOAL := help
.PHONY: help build demo test lint race simulate bench docs ci

help: ## list these
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

build: ## the binary, as bin/verdict
	go build -o bin/verdict ./cmd/verdict

demo: ## the gateway, a misbehaving third party and a page, at http://127.0.0.1:5000
	go run ./cmd/verdict demo

test: ## all tests, some ten minutes
	go test -timeout 20m ./...

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

race: ## tests with the race detector, all but cmd
	go test -race -count=1 -timeout 30m $$(go list ./... | grep -v /cmd/)

simulate: ## 500 universes in virtual time
	go test -count=1 -timeout 20m ./cmd/verdict -run 'TestSimulation$$' -seeds 500

bench: ## ten minutes of pushing, beside the least that does something similar; see bench/README.md
	go -C bench run . push --connections 500 --rounds 1 --events 500

docs: ## docs/api.md anew, of web/openapi.json
	go test ./web -run TestTheReferenceIsOfTheDocument -write

ci: ## all that decides whether a change lands; installs what it needs, as root
	.ci/run
