# The migrator's image is the last stage; `--target hub` makes the example hub's.
# Other bases: --build-arg NODE_IMAGE=... (Node 22.18 or later) and BASE_IMAGE=... (the same C library)
ARG NODE_IMAGE=node:26-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS bundle
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=peer --no-audit --no-fund --loglevel=error
COPY scripts/bundle.ts scripts/
COPY src src
RUN node scripts/bundle.ts dist
# what Node needs and the base may lack
RUN mkdir lib && for library in $(ldd /usr/local/bin/node | awk '/libatomic/ { print $3 }'); do cp -L "$library" lib; done

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

FROM ${BASE_IMAGE} AS migrator
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/cache
WORKDIR /app
COPY --from=bundle /usr/local/bin/node /usr/local/bin/
COPY --from=bundle /app/lib /usr/lib/
COPY --from=bundle /app/dist dist
COPY package.json healthcheck.sh ./
COPY migrations migrations
# No VOLUME: it would put an unnamed volume in the place of one that somebody forgot, and hide the loss.
# A new named volume takes its owner from the folder data.
# Real runs fill the compile cache. Node keeps one for each user id: root gets a link to the one that is shipped.
RUN mkdir data cache warm && chown 1000:1000 data cache warm
USER 1000:1000
RUN export DATABASE_URL=sqlite:/app/warm/homelab.db MIGRATOR_REQUIRE_MOUNT=never \
 && for words in up up status backup --help; do node dist/main.cjs $words; done && rm -rf warm/* warm/.ready
USER root
RUN rmdir warm && cd cache && ln -s *-1000 "$(echo *-1000 | sed 's/1000$/0/')"
USER 1000:1000
LABEL org.opencontainers.image.title="homelab-migrator" \
      org.opencontainers.image.description="Makes a volume's SQLite database right before the hub starts." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="1.0.0"
# for "up --hold"; a run that ends is over before it matters. A long migration is waited for
HEALTHCHECK --interval=5s --timeout=5s --start-period=10m --retries=2 CMD ["/app/healthcheck.sh"]
ENTRYPOINT ["node", "/app/dist/main.cjs"]
