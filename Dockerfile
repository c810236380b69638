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
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/cache \
    programs="$(TITAN_RELEASE_DIR=/cache release/build.sh)" \
    && install -D --target-directory /out "$programs/titan-sidecar" "$programs/titan-operator"

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
