# The migrator's image is the last stage; `--target hub` makes the example hub's. BuildKit and the legacy builder take it.
#   --build-arg NODE_IMAGE=...   another Node (22.18 or later) on Debian or Ubuntu
#   --build-arg REVISION=... --build-arg CREATED=... --build-arg SOURCE=...   for the labels
ARG NODE_IMAGE=node:26-bookworm-slim
# of package.json; "npm version" writes it anew
ARG VERSION=1.0.0

FROM ${NODE_IMAGE} AS tools
# Other systems name their packages otherwise, and Alpine's C library is one that no test here has run
RUN command -v apt-get >/dev/null || { echo 'NODE_IMAGE must be a Debian or Ubuntu with glibc, such as node:26-bookworm-slim: Alpine is not supported.' >&2; exit 1; }
RUN apt-get update -qq \
 && apt-get install -yqq --no-install-recommends binutils busybox-static ca-certificates >/dev/null \
 && rm -rf /var/lib/apt/lists/*

FROM tools AS bundle
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=peer --no-audit --no-fund --loglevel=error
COPY scripts/bundle.ts scripts/
COPY src src
RUN node scripts/bundle.ts dist

# what a hub gets from npm: the package, compiled, and the packages that come with it
FROM bundle AS packages
COPY tsconfig.json tsconfig.build.json ./
RUN npm run prepack --silent && npm prune --ignore-scripts --omit=dev --omit=peer --no-audit --no-fund --loglevel=error

FROM ${NODE_IMAGE} AS hub
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=packages /app/package.json node_modules/homelab-migrator/
COPY --from=packages /app/dist node_modules/homelab-migrator/dist
# on a server the hub holds the history against them
COPY migrations node_modules/homelab-migrator/migrations
COPY examples/hub ./
USER 1000:1000
EXPOSE 8080
CMD ["node", "hub.ts"]

# all that the program needs of a system: Node without its symbols, the libraries that it and the driver ask for, those that look
# names up (glibc loads them by name), and busybox under the names of what healthcheck.sh calls, so that nothing else of it is there
FROM bundle AS system
ARG VERSION
WORKDIR /system
RUN node -p 'require("/app/package.json").version' | grep -qxF "$VERSION" || { echo "VERSION=$VERSION is not the version of package.json" >&2; exit 1; }
RUN mkdir -p bin etc/ssl/certs usr/local/bin && mkdir -m 1777 tmp \
 && strip -o usr/local/bin/node "$(command -v node)" \
 && { ldd "$(command -v node)" /app/dist/*.node | grep -o '/[^ ]*lib[^ ]*\.so[^ ]*'; find /lib/ -name 'libnss_dns.so.2' -o -name 'libnss_files.so.2'; } \
    | sort -u | xargs cp -L --parents -t . \
 && cp /bin/busybox bin/sh && for name in cat dirname grep sed tr; do ln -s sh "bin/$name"; done \
 && cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs \
 && printf '%s\n' root:x:0:0:root:/:/bin/sh migrator:x:1000:1000::/app:/bin/sh >etc/passwd \
 && printf '%s\n' root:x:0: migrator:x:1000: >etc/group \
 && echo 'hosts: files dns' >etc/nsswitch.conf

# Real runs fill the compile caches: the one beside each large file of the bundle, and Node's own for the others, which it keeps for
# each user id: root gets a link to the one that is shipped.
FROM bundle AS warm
COPY migrations migrations
COPY scripts/warm.ts scripts/
RUN node scripts/warm.ts dist
ENV DATABASE_URL=sqlite:/warm/homelab.db MIGRATOR_REQUIRE_MOUNT=never NODE_ENV=production NODE_COMPILE_CACHE=/owned/cache
RUN mkdir -p /warm /owned/cache /owned/data && chown -R 1000:1000 /warm /owned
USER 1000:1000
# the last one ends where no server answers, with its own exit code
RUN for words in up up status backup --help; do node dist/main.cjs $words || exit; done \
 && { env -u MIGRATOR_REQUIRE_MOUNT DATABASE_URL=postgres://nobody@127.0.0.1:1/none MIGRATOR_LOCK_TIMEOUT=0 node dist/main.cjs; [ $? = 10 ]; } \
 && cd /owned/cache && ln -s *-1000 "$(echo *-1000 | sed 's/1000$/0/')"

FROM scratch AS migrator
ENV PATH=/usr/local/bin:/bin NODE_ENV=production NODE_COMPILE_CACHE=/app/cache
WORKDIR /app
COPY --from=system /system /
COPY --from=warm /app/dist dist
COPY package.json healthcheck.sh ./
COPY migrations migrations
# No VOLUME: it would put an unnamed volume in the place of one that somebody forgot, and hide the loss.
# A new named volume takes its owner from the folder data.
COPY --from=warm --chown=1000:1000 /owned ./
USER 1000:1000
# for "up --hold"; a run that ends is over before it matters. A long migration is waited for
HEALTHCHECK --interval=5s --timeout=5s --start-period=10m --retries=2 CMD ["/app/healthcheck.sh"]
# a young generation that is not collected before a run of a few hundred milliseconds ends, which is 5 % of one with something pending
ENTRYPOINT ["node", "--min-semi-space-size=8", "/app/dist/main.cjs"]
ARG VERSION
ARG REVISION
ARG CREATED
ARG SOURCE
LABEL org.opencontainers.image.title="homelab-migrator" \
      org.opencontainers.image.description="Makes a volume's SQLite database right before the hub starts." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE"
