# The two images of the product, for whoever builds with Docker:
#
#   docker build --target operator --tag titan-operator .
#   docker build --target sidecar --tag titan-sidecar .
#
# The tests don't build this file: tests/cluster/images.sh makes the same images without Docker.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Static, with the C library inside: nothing else is in the images.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    triple="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$triple" \
        --package titan-sidecar --package titan-operator \
    && install -D --target-directory /out "target/$triple/release/titan-sidecar" "target/$triple/release/titan-operator"

FROM scratch AS operator
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/titan-operator /
USER 65532:65532
ENTRYPOINT ["/titan-operator"]

FROM scratch AS sidecar
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/titan-sidecar /
USER 65532:65532
ENTRYPOINT ["/titan-sidecar"]
