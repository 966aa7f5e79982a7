# The binary is linked statically, so that the image holds nothing else. grpcnotrace leaves out gRPC's pages for browsers: with their
# templates the linker keeps every method that might be called by name, a seventh of the binary.
FROM golang:1.26-alpine AS build
RUN apk add --no-cache gcc musl-dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=1 go build -trimpath -tags netgo,osusergo,sqlite_omit_load_extension,grpcnotrace \
        -ldflags '-s -w -linkmode external -extldflags "-static"' -o /verdict ./cmd/verdict \
    && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /verdict /verdict
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /
VOLUME /data
# SQLite sorts in files what is large, such as for the index that a migration makes, and there is no /tmp.
ENV SQLITE_TMPDIR=/data
EXPOSE 5000
# It asks the operators' listener where it is by default. The start may take long: the record is migrated first.
HEALTHCHECK --interval=10s --timeout=6s --start-period=2m CMD ["/verdict", "ready"]
ENTRYPOINT ["/verdict"]
CMD ["serve", "--address", "0.0.0.0:5000"]
