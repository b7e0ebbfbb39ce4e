# The migrator's image is the last stage; `--target hub` makes the example hub's.
# Another base with Node 22.18 or later: --build-arg NODE_IMAGE=...
ARG NODE_IMAGE=node:26-bookworm-slim

# production packages alone, and of better-sqlite3 only the binary for this system
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=peer --no-audit --no-fund --loglevel=error \
 && cd node_modules/better-sqlite3 \
 && rm -rf deps src \
 && find prebuilds -mindepth 1 -maxdepth 1 ! -name "linux-$(node -p process.arch).node" -exec rm -rf {} +

# what both images have
FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json healthcheck.sh ./
COPY bin bin
COPY src src
COPY migrations migrations
# No VOLUME: it would put an unnamed volume in the place of one that somebody forgot, and hide the loss.
# A new named volume takes its owner from this folder.
RUN mkdir data && chown 1000:1000 data
USER 1000:1000

FROM base AS hub
COPY examples/hub examples/hub
EXPOSE 8080
CMD ["node", "examples/hub/hub.ts"]

FROM base AS migrator
LABEL org.opencontainers.image.title="homelab-migrator" \
      org.opencontainers.image.description="Makes a volume's SQLite database right before the hub starts." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="1.0.0"
# for "up --hold"; a run that ends is over before it matters
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=2 CMD ["/app/healthcheck.sh"]
ENTRYPOINT ["node", "/app/bin/migrator.js"]
